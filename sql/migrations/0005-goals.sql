-- The work that foundation-check gives to sessions with a profile, and its results.

-- What is known of a profile's session from one check to the next.
CREATE TABLE foundation (
    host            TEXT NOT NULL,
    session         TEXT NOT NULL,
    pane            TEXT,               -- the pane: another pane means another session
    session_start   TEXT,
    checked_at      TEXT,
    idle_count      INTEGER NOT NULL DEFAULT 0,
    work_sessions   INTEGER NOT NULL DEFAULT 0,
    tasks_completed INTEGER NOT NULL DEFAULT 0,
    tasks_failed    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (host, session)
) STRICT, WITHOUT ROWID;

-- A prompt that a profile gave its session.  For a goal task: its goals database, its id there, the
-- number of the try, and the state last written there.
CREATE TABLE foundation_work (
    prompt_id   INTEGER PRIMARY KEY,
    host        TEXT NOT NULL,
    session     TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('goal', 'given', 'general')),
    title       TEXT NOT NULL,
    goals       TEXT,
    task        TEXT,
    number      INTEGER,
    tries_left  INTEGER,
    foreign_task INTEGER NOT NULL DEFAULT 0 CHECK (foreign_task IN (0, 1)),
    told        TEXT CHECK (told IN ('again', 'in_progress')),
    outcome     TEXT,                   -- of a prompt that was deleted before it was settled
    retry_at    TEXT,                   -- the task is not given out before this time
    assigned_at TEXT NOT NULL,
    settled_at  TEXT,
    CHECK ((kind = 'goal') = (task IS NOT NULL AND goals IS NOT NULL AND number IS NOT NULL))
) STRICT;
CREATE INDEX foundation_work_open ON foundation_work (host, session) WHERE settled_at IS NULL;
CREATE INDEX foundation_work_given ON foundation_work (host, session, assigned_at);
CREATE UNIQUE INDEX foundation_work_task ON foundation_work (goals, task, number)
    WHERE goals IS NOT NULL;
CREATE INDEX foundation_work_retry ON foundation_work (goals, retry_at) WHERE retry_at IS NOT NULL;

-- Lines that are not yet written to the work log.
CREATE TABLE foundation_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    host       TEXT NOT NULL,
    session    TEXT NOT NULL,
    text       TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX foundation_log_session ON foundation_log (host, session);

-- A prompt whose outcome was settled is retried by a person: it is open again.
CREATE TRIGGER foundation_work_again AFTER UPDATE OF status ON prompts
WHEN NEW.status = 'pending' AND OLD.status IN ('failed', 'cancelled') BEGIN
    UPDATE foundation_work SET settled_at = NULL, retry_at = NULL, told = 'again'
    WHERE prompt_id = NEW.id AND settled_at IS NOT NULL;
END;
-- A deleted prompt leaves its outcome behind if that is not settled yet.
CREATE TRIGGER foundation_work_forgotten AFTER DELETE ON prompts BEGIN
    UPDATE foundation_work SET outcome = OLD.status
    WHERE prompt_id = OLD.id AND settled_at IS NULL;
    DELETE FROM foundation_work WHERE prompt_id = OLD.id AND settled_at IS NOT NULL;
END;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('foundation_work', 'foundation_work_open',  '100 100 2'),
    ('foundation_work', 'foundation_work_given', '100000 100000 2000 1'),
    ('foundation_work', 'foundation_work_task',  '100000 50000 2 1'),
    ('foundation_work', 'foundation_work_retry', '1000 500 1');
ANALYZE sqlite_schema;  -- loads the statistics

-- The queue, the sessions, the attempts, and the audit trail.
-- Times are UTC text of fixed width (lib/assigner/clock.py); JSON is text.
-- Every row that changes records who changed it (updated_by); triggers write the audit trail.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE sessions (
    id                  INTEGER PRIMARY KEY,
    host                TEXT NOT NULL,
    name                TEXT NOT NULL,
    provider            TEXT,
    command             TEXT,               -- one-shot: the command that reads the prompt on standard input
    status              TEXT NOT NULL CHECK (status IN
        ('idle', 'busy', 'waiting', 'limited', 'occupied', 'unknown', 'offline')),
    status_reason       TEXT,
    enrolled            INTEGER NOT NULL DEFAULT 0 CHECK (enrolled IN (0, 1)),
    paused              INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    -- identity of the pane: a restarted server hands out %0 again
    socket              TEXT,
    server_pid          INTEGER,
    server_start        INTEGER,
    pane_id             TEXT,
    pane_pid            INTEGER,
    pane_tty            TEXT,
    seen                TEXT,               -- a fingerprint of the last look, to detect that nothing has changed
    seen_at             TEXT,
    prompt_endings      TEXT NOT NULL DEFAULT '[]',  -- the endings of this session's empty prompt
    learn               INTEGER NOT NULL DEFAULT 0 CHECK (learn IN (0, 1, 2)),  -- 2: a run has just ended
    -- context
    current_dir         TEXT,
    repository          TEXT,
    git_branch          TEXT,
    env_vars            TEXT NOT NULL DEFAULT '{}',  -- variables that prompts exported; a secret is null
    context_hash        TEXT,
    last_context_update TEXT,
    last_activity       TEXT,
    idle_since          TEXT,
    current_task_id     INTEGER,
    last_task_id        INTEGER,
    limited_until       TEXT,
    updated_at          TEXT NOT NULL,
    updated_by          TEXT NOT NULL,
    UNIQUE (host, name),
    CHECK (status = 'offline' OR pane_id IS NOT NULL),
    CHECK ((status = 'idle') = (idle_since IS NOT NULL))
) STRICT;

-- a pane belongs to one session
CREATE UNIQUE INDEX sessions_pane ON sessions (host, socket, server_pid, server_start, pane_id)
    WHERE status <> 'offline';
CREATE INDEX sessions_ready ON sessions (host, name)
    WHERE status = 'idle' AND enrolled = 1 AND paused = 0;

CREATE TABLE prompts (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    host                 TEXT NOT NULL,
    content              TEXT NOT NULL CHECK (content <> ''),
    priority             INTEGER NOT NULL DEFAULT 0,
    status               TEXT NOT NULL DEFAULT 'pending',
    held_by              TEXT CHECK (held_by IS NULL OR held_by IN
        ('dependency', 'time', 'target missing', 'tree in use', 'limit', 'pause')),
    held_on              TEXT,              -- the prompt, time, session or tree that the prompt waits for
    target_session       TEXT,
    target_provider      TEXT,
    assigned_session     TEXT,
    metadata             TEXT NOT NULL DEFAULT '{}',
    working_dir          TEXT CHECK (working_dir LIKE '/%'),
    git_branch           TEXT,
    env_vars             TEXT NOT NULL DEFAULT '{}',
    secrets              TEXT,              -- the file with the values that are null in env_vars
    prerequisites        TEXT NOT NULL DEFAULT '[]',
    prefer_context_match INTEGER NOT NULL DEFAULT 1 CHECK (prefer_context_match IN (0, 1)),
    validate_context     INTEGER NOT NULL DEFAULT 1 CHECK (validate_context IN (0, 1)),
    min_score            INTEGER,
    attempts             INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts         INTEGER NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
    idempotent           INTEGER NOT NULL DEFAULT 0 CHECK (idempotent IN (0, 1)),
    timeout_seconds      REAL CHECK (timeout_seconds > 0),
    error                TEXT,
    exit_status          INTEGER,
    response             TEXT,
    created_at           TEXT NOT NULL,
    ready_at             TEXT NOT NULL,     -- since when the prompt could have run: pending and not held
    assigned_at          TEXT,
    started_at           TEXT,
    completed_at         TEXT,
    updated_at           TEXT NOT NULL,
    updated_by           TEXT NOT NULL,
    not_before           TEXT,
    deadline             TEXT,
    retry_at             TEXT,              -- when a failed prompt is retried
    cancel_requested_at  TEXT,
    parent_id            INTEGER REFERENCES prompts (id) ON DELETE SET NULL,
    affinity             TEXT,
    tags                 TEXT NOT NULL DEFAULT '[]',
    dedup_key            TEXT,
    CHECK (held_by IS NULL OR status = 'pending'),
    CHECK (retry_at IS NULL OR status = 'failed'),
    CHECK (cancel_requested_at IS NULL OR status IN ('assigned', 'in_progress', 'cancelled')),
    CHECK (status NOT IN ('assigned', 'in_progress') OR assigned_session IS NOT NULL),
    CHECK ((status = 'pending' AND completed_at IS NULL)
        OR (status IN ('assigned', 'in_progress') AND completed_at IS NULL)
        OR (status IN ('completed', 'failed', 'cancelled') AND completed_at IS NOT NULL))
) STRICT;

-- the lanes in which prompts wait, each in the order in which it is served
CREATE INDEX prompts_ready ON prompts
    (host, target_session, target_provider, priority DESC, created_at, id)
    WHERE status = 'pending' AND held_by IS NULL;
CREATE INDEX prompts_open ON prompts (priority DESC, created_at, id)
    WHERE completed_at IS NULL;
CREATE INDEX prompts_held ON prompts (host, held_by, held_on) WHERE held_by IS NOT NULL;
CREATE INDEX prompts_retry ON prompts (host, retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX prompts_status ON prompts (status, id);
CREATE UNIQUE INDEX prompts_dedup_key ON prompts (dedup_key) WHERE dedup_key IS NOT NULL;
CREATE INDEX prompts_secrets ON prompts (secrets) WHERE secrets IS NOT NULL;

-- A prompt can only depend on an older one, so that there can be no cycle.
CREATE TABLE dependencies (
    prompt_id INTEGER NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
    after_id  INTEGER NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
    PRIMARY KEY (prompt_id, after_id),
    CHECK (after_id < prompt_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependencies_after ON dependencies (after_id);

-- A working tree with live attempts: no other prompt switches its branch.
-- Attempts that need the same branch, or none, share the lease.
CREATE TABLE leases (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    host     TEXT NOT NULL,
    tree     TEXT NOT NULL,
    branch   TEXT,
    taken_at TEXT NOT NULL,
    UNIQUE (host, tree)
) STRICT;

-- Ids only increase: tmux compares them to decide what has been typed into a pane.
CREATE TABLE attempts (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id      INTEGER NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
    host           TEXT NOT NULL,
    session        TEXT NOT NULL,
    number         INTEGER NOT NULL CHECK (number > 0),
    stage          TEXT NOT NULL DEFAULT 'claimed' CHECK (stage IN
        ('claimed', 'preparing', 'prepared', 'typing', 'typed', 'submitted')),
    outcome        TEXT CHECK (outcome IN
        ('completed', 'failed', 'cancelled', 'released', 'unverified', 'limited')),
    failure_class  TEXT CHECK (failure_class IN
        ('context', 'command', 'api', 'auth', 'interrupted', 'vanished', 'timeout', 'rejected',
         'check')),
    exit_status    INTEGER,
    step           TEXT,                    -- the step of the context that failed
    score          INTEGER,
    context_switch INTEGER CHECK (context_switch IN (0, 1)),
    evidence       TEXT NOT NULL DEFAULT '{}',
    output         TEXT,
    lease_id       INTEGER REFERENCES leases (id),
    -- the pane that was claimed
    socket         TEXT NOT NULL,
    server_pid     INTEGER NOT NULL,
    server_start   INTEGER NOT NULL,
    pane_id        TEXT NOT NULL,
    pane_pid       INTEGER NOT NULL,
    process_group  INTEGER,                 -- of the prompt, as reported by its shell
    ending         TEXT CHECK (ending IN ('cancel', 'timeout', 'interrupted')),
    signal         TEXT CHECK (signal IN ('INT', 'TERM', 'KILL')),
    signalled_at   TEXT,
    claimed_at     TEXT NOT NULL,
    typed_at       TEXT,
    submitted_at   TEXT,
    finished_at    TEXT,
    updated_at     TEXT NOT NULL,
    updated_by     TEXT NOT NULL,
    UNIQUE (prompt_id, number),
    FOREIGN KEY (host, session) REFERENCES sessions (host, name),
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK ((outcome IS 'failed') = (failure_class IS NOT NULL)),
    CHECK (outcome IS NULL OR lease_id IS NULL),
    CHECK (stage NOT IN ('typed', 'submitted') OR typed_at IS NOT NULL),
    CHECK (stage <> 'submitted' OR submitted_at IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX attempts_one_per_prompt ON attempts (prompt_id) WHERE outcome IS NULL;
CREATE UNIQUE INDEX attempts_one_per_session ON attempts (host, session) WHERE outcome IS NULL;
CREATE INDEX attempts_lease ON attempts (lease_id) WHERE lease_id IS NOT NULL;
CREATE INDEX attempts_session ON attempts (host, session, id);

CREATE TABLE task_events (
    id         INTEGER PRIMARY KEY,
    prompt_id  INTEGER,
    attempt_id INTEGER,
    session    TEXT,
    type       TEXT NOT NULL,
    data       TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX task_events_prompt ON task_events (prompt_id, id);
CREATE INDEX task_events_attempt ON task_events (attempt_id, type) WHERE attempt_id IS NOT NULL;

-- The number of prompts with each status: makes `status` as fast with a million rows as with ten.
CREATE TABLE prompt_counts (
    host    TEXT NOT NULL,
    status  TEXT NOT NULL,
    prompts INTEGER NOT NULL,
    PRIMARY KEY (host, status)
) STRICT, WITHOUT ROWID;

-- When each script last finished.
CREATE TABLE heartbeats (
    host        TEXT NOT NULL,
    script      TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    PRIMARY KEY (host, script)
) STRICT, WITHOUT ROWID;

-- The states of a prompt, and the allowed changes.
CREATE TABLE prompt_transitions (
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (old, new)
) STRICT, WITHOUT ROWID;
INSERT INTO prompt_transitions (old, new, why) VALUES
    ('pending',     'assigned',    'assign-next claimed a session for it'),
    ('pending',     'cancelled',   'a person cancelled it'),
    ('assigned',    'in_progress', 'its session reported that it runs'),
    ('assigned',    'pending',     'it was never typed, and its claim was given back'),
    ('assigned',    'failed',      'its context could not be prepared'),
    ('assigned',    'cancelled',   'a person cancelled it before it ran'),
    ('in_progress', 'completed',   'its end was proved'),
    ('in_progress', 'failed',      'its failure was proved, or its session vanished'),
    ('in_progress', 'cancelled',   'a person cancelled it and its processes are gone'),
    ('in_progress', 'pending',     'its account is at its limit: the attempt is not counted'),
    ('failed',      'pending',     'its back-off has passed, or a person retried it'),
    ('failed',      'cancelled',   'a person cancelled its retries'),
    ('cancelled',   'pending',     'a person retried it');

CREATE TRIGGER prompts_transition BEFORE UPDATE OF status ON prompts
WHEN OLD.status <> NEW.status AND NOT EXISTS
    (SELECT 1 FROM prompt_transitions WHERE old = OLD.status AND new = NEW.status)
BEGIN SELECT RAISE(ABORT, 'a prompt cannot change its status like this'); END;

CREATE TRIGGER prompts_assigned BEFORE UPDATE OF status ON prompts
WHEN (NEW.status IN ('assigned', 'in_progress')) <> EXISTS
    (SELECT 1 FROM attempts WHERE prompt_id = NEW.id AND outcome IS NULL)
BEGIN SELECT RAISE(ABORT, 'a prompt is assigned exactly while it has a live attempt'); END;

CREATE TRIGGER attempts_claim BEFORE INSERT ON attempts
WHEN NOT EXISTS (SELECT 1 FROM sessions WHERE host = NEW.host AND name = NEW.session
                 AND enrolled = 1 AND paused = 0 AND status = 'idle')
  OR NOT EXISTS (SELECT 1 FROM prompts WHERE id = NEW.prompt_id
                 AND status = 'pending' AND held_by IS NULL)
BEGIN SELECT RAISE(ABORT, 'a claim needs a waiting prompt and an enrolled idle session'); END;

CREATE TRIGGER attempts_finished BEFORE UPDATE ON attempts WHEN OLD.outcome IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a finished attempt does not change'); END;

-- Stages only advance, by one or more steps.
CREATE TRIGGER attempts_stage BEFORE UPDATE OF stage ON attempts
WHEN (CASE NEW.stage WHEN 'claimed' THEN 0 WHEN 'preparing' THEN 1 WHEN 'prepared' THEN 2
                     WHEN 'typing' THEN 3 WHEN 'typed' THEN 4 ELSE 5 END)
   < (CASE OLD.stage WHEN 'claimed' THEN 0 WHEN 'preparing' THEN 1 WHEN 'prepared' THEN 2
                     WHEN 'typing' THEN 3 WHEN 'typed' THEN 4 ELSE 5 END)
BEGIN SELECT RAISE(ABORT, 'an attempt cannot go back to an earlier stage'); END;

-- The audit trail: every change of state, with actor and time.
CREATE TRIGGER prompts_insert_event AFTER INSERT ON prompts BEGIN
    INSERT INTO task_events (prompt_id, type, data, created_at) VALUES
        (NEW.id, 'prompt.' || NEW.status, '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;
CREATE TRIGGER prompts_status_event AFTER UPDATE OF status ON prompts
WHEN OLD.status <> NEW.status BEGIN
    INSERT INTO task_events (prompt_id, session, type, data, created_at) VALUES
        (NEW.id, NEW.assigned_session, 'prompt.' || NEW.status,
         '{"from": "' || OLD.status || '", "by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;
CREATE TRIGGER attempts_insert_event AFTER INSERT ON attempts BEGIN
    INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at) VALUES
        (NEW.prompt_id, NEW.id, NEW.session, 'attempt.' || NEW.stage,
         '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;
CREATE TRIGGER attempts_stage_event AFTER UPDATE OF stage ON attempts
WHEN OLD.stage <> NEW.stage BEGIN
    INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at) VALUES
        (NEW.prompt_id, NEW.id, NEW.session, 'attempt.' || NEW.stage,
         '{"from": "' || OLD.stage || '", "by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;
CREATE TRIGGER attempts_outcome_event AFTER UPDATE OF outcome ON attempts
WHEN NEW.outcome IS NOT NULL BEGIN
    INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at) VALUES
        (NEW.prompt_id, NEW.id, NEW.session, 'attempt.' || NEW.outcome,
         '{"from": "' || NEW.stage || '", "by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;
CREATE TRIGGER sessions_insert_event AFTER INSERT ON sessions BEGIN
    INSERT INTO task_events (session, type, data, created_at) VALUES
        (NEW.name, 'session.' || NEW.status, '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;
CREATE TRIGGER sessions_status_event AFTER UPDATE OF status ON sessions
WHEN OLD.status <> NEW.status BEGIN
    INSERT INTO task_events (prompt_id, session, type, data, created_at) VALUES
        (NEW.current_task_id, NEW.name, 'session.' || NEW.status,
         '{"from": "' || OLD.status || '", "by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;
CREATE TRIGGER sessions_enrolled_event AFTER UPDATE OF enrolled ON sessions
WHEN OLD.enrolled <> NEW.enrolled BEGIN
    INSERT INTO task_events (session, type, data, created_at) VALUES
        (NEW.name, CASE NEW.enrolled WHEN 1 THEN 'session.enrolled' ELSE 'session.left' END,
         '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

CREATE TRIGGER prompts_insert_count AFTER INSERT ON prompts BEGIN
    INSERT INTO prompt_counts (host, status, prompts) VALUES (NEW.host, NEW.status, 1)
        ON CONFLICT (host, status) DO UPDATE SET prompts = prompts + 1;
END;
CREATE TRIGGER prompts_update_count AFTER UPDATE OF status ON prompts
WHEN OLD.status <> NEW.status BEGIN
    UPDATE prompt_counts SET prompts = prompts - 1 WHERE host = OLD.host AND status = OLD.status;
    INSERT INTO prompt_counts (host, status, prompts) VALUES (NEW.host, NEW.status, 1)
        ON CONFLICT (host, status) DO UPDATE SET prompts = prompts + 1;
END;
CREATE TRIGGER prompts_delete_count AFTER DELETE ON prompts BEGIN
    UPDATE prompt_counts SET prompts = prompts - 1 WHERE host = OLD.host AND status = OLD.status;
END;

-- Statistics for the query planner, to find the plans for a large database in an empty one, too:
-- millions of rows that are over, few open ones, fewer live ones
-- (https://www.sqlite.org/fileformat2.html#stat1tab: the number of rows of an index, then how many
-- are equal in its first column, in the first two, ...).
ANALYZE sqlite_schema;  -- creates the table
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('prompts',  'prompts_status',           '1000000 200000 1'),
    ('prompts',  'prompts_ready',            '100000 100000 10000 10000 1000 2 1'),
    ('prompts',  'prompts_open',             '100000 1000 2 1'),
    ('prompts',  'prompts_held',             '100000 100000 10000 10'),
    ('attempts', 'attempts_session',         '1000000 1000000 10000 1'),
    ('attempts', 'attempts_one_per_session', '100 100 1'),
    ('attempts', 'attempts_one_per_prompt',  '100 1');
ANALYZE sqlite_schema;  -- loads the statistics

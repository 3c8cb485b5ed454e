-- Checks, which decide whether completed work is a success, and reviews by people.

-- The command that sh runs after the prompt's own work; exit status 0 means success.
ALTER TABLE prompts ADD COLUMN check_command TEXT CHECK (check_command <> '');
ALTER TABLE prompts ADD COLUMN check_timeout_seconds REAL
    CHECK (check_timeout_seconds IS NULL
           OR (check_timeout_seconds > 0 AND check_command IS NOT NULL));
-- Whether a person has to approve the completed work, and whether somebody has.
ALTER TABLE prompts ADD COLUMN review TEXT
    CHECK (review = 'wanted' OR (review = 'approved' AND status = 'completed'));
-- The feedback on the previous attempt for the next one: a failed check, a reviewer's comment.
ALTER TABLE prompts ADD COLUMN feedback TEXT;

CREATE INDEX prompts_review ON prompts (host, completed_at) WHERE review = 'wanted';

-- The check of an attempt whose own work is completed:
--   wanted    nothing of it was started
--   starting  its files are there, tmux was asked for a window
--   running   it has taken its token, and cannot be started again
--   passed, failed, cancelled: over
CREATE TABLE checks (
    id          INTEGER PRIMARY KEY REFERENCES attempts (id) ON DELETE CASCADE,
    state       TEXT NOT NULL DEFAULT 'wanted' CHECK (state IN
        ('wanted', 'starting', 'running', 'passed', 'failed', 'cancelled')),
    command     TEXT NOT NULL,
    directory   TEXT NOT NULL CHECK (directory LIKE '/%'),
    seconds     REAL NOT NULL CHECK (seconds > 0),
    work        TEXT,                       -- the result of the prompt's own work, until the check ends
    pid         INTEGER,                    -- the process that runs the check, as it reported
    exit_status INTEGER,
    reason      TEXT,                       -- why the check failed
    output      TEXT,
    wanted_at   TEXT NOT NULL,
    tried_at    TEXT,                       -- when tmux was last asked
    started_at  TEXT,
    ended_at    TEXT,
    updated_at  TEXT NOT NULL,
    updated_by  TEXT NOT NULL,
    CHECK ((state IN ('passed', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (work IS NOT NULL)),
    CHECK (state NOT IN ('running', 'passed') OR (started_at IS NOT NULL AND pid IS NOT NULL)),
    CHECK (state NOT IN ('wanted', 'starting') OR (started_at IS NULL AND pid IS NULL)),
    CHECK (state <> 'passed' OR exit_status IS 0),
    CHECK ((state = 'failed') = (reason IS NOT NULL))
) STRICT;
CREATE INDEX checks_output ON checks (ended_at) WHERE output IS NOT NULL;

CREATE TRIGGER checks_insert BEFORE INSERT ON checks
WHEN NEW.state <> 'wanted' OR NOT EXISTS
    (SELECT 1 FROM attempts a JOIN prompts p ON p.id = a.prompt_id
     WHERE a.id = NEW.id AND a.outcome IS NULL AND a.stage = 'submitted'
       AND p.check_command = NEW.command)
BEGIN SELECT RAISE(ABORT, 'a check is for a live attempt whose prompt asks for it'); END;

-- A check changes state in the order above, and passes only if it ran.
CREATE TRIGGER checks_state BEFORE UPDATE OF state ON checks
WHEN OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (VALUES
    ('wanted', 'starting'), ('wanted', 'failed'), ('wanted', 'cancelled'),
    ('starting', 'running'), ('starting', 'failed'), ('starting', 'cancelled'),
    ('running', 'passed'), ('running', 'failed'), ('running', 'cancelled'))
BEGIN SELECT RAISE(ABORT, 'a check cannot change its state like this'); END;

-- An ended check does not change, but its output may be deleted.
CREATE TRIGGER checks_over BEFORE UPDATE ON checks
WHEN OLD.ended_at IS NOT NULL AND NOT (NEW.output IS NULL
     AND (NEW.id, NEW.state, NEW.command, NEW.exit_status, NEW.reason, NEW.ended_at)
      IS (OLD.id, OLD.state, OLD.command, OLD.exit_status, OLD.reason, OLD.ended_at))
BEGIN SELECT RAISE(ABORT, 'a check that is over does not change'); END;

-- No attempt ends while its check is open.  It is completed only if the check passed, and has the
-- failure class `check` only if the check failed.
CREATE TRIGGER attempts_check BEFORE UPDATE OF outcome ON attempts
WHEN NEW.outcome IS NOT NULL AND OLD.outcome IS NULL AND (
    EXISTS (SELECT 1 FROM checks WHERE id = NEW.id AND ended_at IS NULL)
    OR (NEW.failure_class IS 'check')
       <> EXISTS (SELECT 1 FROM checks WHERE id = NEW.id AND state = 'failed')
    OR (NEW.outcome = 'completed'
        AND EXISTS (SELECT 1 FROM prompts WHERE id = NEW.prompt_id AND check_command IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM checks WHERE id = NEW.id AND state = 'passed')))
BEGIN SELECT RAISE(ABORT, 'an attempt ends as its check has ended'); END;

CREATE TRIGGER checks_insert_event AFTER INSERT ON checks BEGIN
    INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at)
    SELECT prompt_id, id, session, 'check.wanted', '{"by": "' || NEW.updated_by || '"}',
           NEW.updated_at
    FROM attempts WHERE id = NEW.id;
END;
CREATE TRIGGER checks_state_event AFTER UPDATE OF state ON checks
WHEN OLD.state <> NEW.state BEGIN
    INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at)
    SELECT prompt_id, id, session, 'check.' || NEW.state,
           '{"from": "' || OLD.state || '", "by": "' || NEW.updated_by || '"}', NEW.updated_at
    FROM attempts WHERE id = NEW.id;
END;

-- A rejected prompt waits again; one without a review, or an approved one, stays completed.
INSERT INTO prompt_transitions (old, new, why) VALUES
    ('completed', 'pending', 'a person rejected it');
CREATE TRIGGER prompts_rejected BEFORE UPDATE OF status ON prompts
WHEN OLD.status = 'completed' AND NEW.status = 'pending' AND OLD.review IS NOT 'wanted'
BEGIN SELECT RAISE(ABORT, 'only what awaits a review can be rejected'); END;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('prompts', 'prompts_review', '100 100 1'),
    ('checks',  'checks_output',  '1000000 1');
ANALYZE sqlite_schema;  -- loads the statistics

-- For unattended work: pauses, saved contexts, separate working trees of prompts.

-- What the user has paused: a provider, or everything ('').  A paused session has its own columns.
CREATE TABLE pauses (
    host      TEXT NOT NULL,
    provider  TEXT NOT NULL DEFAULT '',
    paused_at TEXT NOT NULL,
    paused_by TEXT NOT NULL,
    PRIMARY KEY (host, provider)
) STRICT, WITHOUT ROWID;

-- A context saved under a name, to bring a session back into it later.
CREATE TABLE contexts (
    host        TEXT NOT NULL,
    name        TEXT NOT NULL,
    session     TEXT NOT NULL,              -- the session that it was saved from
    working_dir TEXT CHECK (working_dir LIKE '/%'),
    git_branch  TEXT,
    env_vars    TEXT NOT NULL DEFAULT '{}', -- a secret is null
    saved_at    TEXT NOT NULL,
    saved_by    TEXT NOT NULL,
    PRIMARY KEY (host, name)
) STRICT, WITHOUT ROWID;

-- Whether the prompt runs in a separate working tree below the state directory.
ALTER TABLE prompts ADD COLUMN worktree INTEGER NOT NULL DEFAULT 0
    CHECK (worktree = 0 OR (worktree = 1 AND git_branch IS NOT NULL));

-- Finds ended prompts by time, so that they can be deleted after a while.
CREATE INDEX prompts_ended ON prompts (completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX attempts_output ON attempts (finished_at) WHERE output IS NOT NULL;
CREATE INDEX task_events_created ON task_events (created_at);
-- Without this index, deleting a prompt would search all others for its children.
CREATE INDEX prompts_parent ON prompts (parent_id) WHERE parent_id IS NOT NULL;

-- A finished attempt does not change, but its output may be deleted.
DROP TRIGGER attempts_finished;
CREATE TRIGGER attempts_finished BEFORE UPDATE ON attempts
WHEN OLD.outcome IS NOT NULL AND NOT (NEW.output IS NULL
     AND (NEW.prompt_id, NEW.session, NEW.number, NEW.stage, NEW.outcome, NEW.failure_class,
          NEW.exit_status, NEW.step, NEW.evidence, NEW.finished_at, NEW.updated_at)
      IS (OLD.prompt_id, OLD.session, OLD.number, OLD.stage, OLD.outcome, OLD.failure_class,
          OLD.exit_status, OLD.step, OLD.evidence, OLD.finished_at, OLD.updated_at))
BEGIN SELECT RAISE(ABORT, 'a finished attempt does not change'); END;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('prompts',     'prompts_ended',       '1000000 1'),
    ('prompts',     'prompts_parent',      '1000 10'),
    ('attempts',    'attempts_output',     '1000000 1'),
    ('task_events', 'task_events_created', '10000000 2'),
    ('task_events', 'task_events_prompt',  '10000000 10 1'),
    ('task_events', 'task_events_attempt', '10000000 5 2');
ANALYZE sqlite_schema;  -- loads the statistics

-- The user removed the session: the patterns of the settings do not enroll it again.
ALTER TABLE sessions ADD COLUMN opted_out INTEGER NOT NULL DEFAULT 0
    CHECK (opted_out = 0 OR (opted_out = 1 AND enrolled = 0));

-- The pause of a session: since when, and by whom.
ALTER TABLE sessions ADD COLUMN paused_at TEXT;
ALTER TABLE sessions ADD COLUMN paused_by TEXT;
CREATE TRIGGER sessions_paused_event AFTER UPDATE OF paused ON sessions
WHEN OLD.paused <> NEW.paused BEGIN
    INSERT INTO task_events (session, type, data, created_at) VALUES
        (NEW.name, CASE NEW.paused WHEN 1 THEN 'session.paused' ELSE 'session.resumed' END,
         '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

-- Nothing is claimed for a paused session, not even by a pass that looked before the pause.
DROP TRIGGER attempts_claim;
CREATE TRIGGER attempts_claim BEFORE INSERT ON attempts
WHEN NOT EXISTS (SELECT 1 FROM sessions WHERE host = NEW.host AND name = NEW.session
                 AND enrolled = 1 AND paused = 0 AND status = 'idle')
  OR EXISTS (SELECT 1 FROM sessions s JOIN pauses x ON x.host = s.host
             WHERE s.host = NEW.host AND s.name = NEW.session AND x.provider IN ('', s.provider))
  OR NOT EXISTS (SELECT 1 FROM prompts WHERE id = NEW.prompt_id
                 AND status = 'pending' AND held_by IS NULL)
BEGIN SELECT RAISE(ABORT, 'a claim needs a waiting prompt and an enrolled idle session'); END;

-- Why a prompt can run nowhere, apart from dependencies and times: its session is missing, or all
-- sessions that it may run in are paused.
CREATE VIEW prompt_holds AS
SELECT id,
       CASE WHEN missing IS NOT NULL THEN 'target missing'
            WHEN paused IS NOT NULL THEN 'pause' END AS held_by,
       coalesce(missing, paused) AS held_on
FROM (SELECT p.id,
             CASE WHEN s.name IS NULL OR s.enrolled = 0 OR s.status = 'offline'
                  THEN p.target_session END AS missing,
             CASE WHEN EXISTS (SELECT 1 FROM pauses x WHERE x.host = p.host AND x.provider = '')
                  THEN 'everything'
                  WHEN s.paused = 1 THEN s.name
                  ELSE (SELECT min(x.provider) FROM pauses x
                        WHERE x.host = p.host AND x.provider IN (p.target_provider, s.provider))
             END AS paused
      FROM prompts p LEFT JOIN sessions s ON s.host = p.host AND s.name = p.target_session) AS known;

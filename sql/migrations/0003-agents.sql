-- For agents: how their sessions are started, and the limits of their accounts.

-- Whether the user has named the provider; otherwise the observed provider counts.
ALTER TABLE sessions ADD COLUMN provider_given INTEGER NOT NULL DEFAULT 0
    CHECK (provider_given IN (0, 1));
-- The account whose limit counts; by default the provider's.
ALTER TABLE sessions ADD COLUMN account TEXT;
-- Whether the agent may be restarted in the context of a prompt, with permission to act unasked.
ALTER TABLE sessions ADD COLUMN respawn INTEGER NOT NULL DEFAULT 0 CHECK (respawn IN (0, 1));
ALTER TABLE sessions ADD COLUMN auto_approve INTEGER NOT NULL DEFAULT 0
    CHECK (auto_approve IN (0, 1));
-- Whether a restarted agent continues its conversation.
ALTER TABLE sessions ADD COLUMN resumes INTEGER NOT NULL DEFAULT 0 CHECK (resumes IN (0, 1));
-- The file with the environment in which the session's agent was first started.
ALTER TABLE sessions ADD COLUMN environment TEXT;
CREATE INDEX sessions_environment ON sessions (environment) WHERE environment IS NOT NULL;
-- The current conversation of the agent, as its hooks report it.
ALTER TABLE sessions ADD COLUMN conversation TEXT;

-- Typed unchanged: the text may begin like a command of the agent.
ALTER TABLE prompts ADD COLUMN raw INTEGER NOT NULL DEFAULT 0 CHECK (raw IN (0, 1));

-- Until when an account takes no more prompts, and the evidence for it.
CREATE TABLE limits (
    host    TEXT NOT NULL,
    account TEXT NOT NULL,
    until   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (host, account)
) STRICT, WITHOUT ROWID;

-- Nothing is claimed for a paused or limited session, not even by a pass that looked before.
DROP TRIGGER attempts_claim;
CREATE TRIGGER attempts_claim BEFORE INSERT ON attempts
WHEN NOT EXISTS (SELECT 1 FROM sessions WHERE host = NEW.host AND name = NEW.session
                 AND enrolled = 1 AND paused = 0 AND status = 'idle')
  OR EXISTS (SELECT 1 FROM sessions s JOIN pauses x ON x.host = s.host
             WHERE s.host = NEW.host AND s.name = NEW.session AND x.provider IN ('', s.provider))
  OR EXISTS (SELECT 1 FROM sessions s
             JOIN limits l ON l.host = s.host AND l.account = coalesce(s.account, s.provider)
             WHERE s.host = NEW.host AND s.name = NEW.session)
  OR NOT EXISTS (SELECT 1 FROM prompts WHERE id = NEW.prompt_id
                 AND status = 'pending' AND held_by IS NULL)
BEGIN SELECT RAISE(ABORT, 'a claim needs a waiting prompt and an enrolled idle session'); END;

-- Why a prompt can run nowhere: its session is missing, or all sessions that it may run in are
-- paused or at their limit.
DROP VIEW prompt_holds;
CREATE VIEW prompt_holds AS
SELECT id,
       CASE WHEN missing IS NOT NULL THEN 'target missing'
            WHEN paused IS NOT NULL THEN 'pause'
            WHEN limited IS NOT NULL THEN 'limit' END AS held_by,
       coalesce(missing, paused, limited) AS held_on
FROM (SELECT p.id,
             CASE WHEN s.name IS NULL OR s.enrolled = 0 OR s.status = 'offline'
                  THEN p.target_session END AS missing,
             CASE WHEN EXISTS (SELECT 1 FROM pauses x WHERE x.host = p.host AND x.provider = '')
                  THEN 'everything'
                  WHEN s.paused = 1 THEN s.name
                  ELSE (SELECT min(x.provider) FROM pauses x
                        WHERE x.host = p.host AND x.provider IN (p.target_provider, s.provider))
             END AS paused,
             CASE WHEN p.target_session IS NOT NULL
                  THEN (SELECT l.account FROM limits l
                        WHERE l.host = p.host AND l.account = coalesce(s.account, s.provider))
                  WHEN p.target_provider IS NOT NULL AND NOT EXISTS
                       (SELECT 1 FROM sessions o LEFT JOIN limits l
                        ON l.host = o.host AND l.account = coalesce(o.account, o.provider)
                        WHERE o.host = p.host AND o.provider = p.target_provider
                          AND o.enrolled = 1 AND o.status <> 'offline' AND l.account IS NULL)
                  THEN (SELECT min(l.account) FROM sessions o JOIN limits l
                        ON l.host = o.host AND l.account = coalesce(o.account, o.provider)
                        WHERE o.host = p.host AND o.provider = p.target_provider AND o.enrolled = 1)
             END AS limited
      FROM prompts p LEFT JOIN sessions s ON s.host = p.host AND s.name = p.target_session) AS known;

-- Whether the prompt's work must itself report that it is done.
ALTER TABLE prompts ADD COLUMN sentinel INTEGER NOT NULL DEFAULT 0 CHECK (sentinel IN (0, 1));

-- The conversation of a one-shot agent that the prompts of one affinity share.
CREATE TABLE conversations (
    host         TEXT NOT NULL,
    provider     TEXT NOT NULL,
    affinity     TEXT NOT NULL,
    conversation TEXT NOT NULL,
    used_at      TEXT NOT NULL,
    PRIMARY KEY (host, provider, affinity)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_used ON conversations (used_at);

-- The directories that the agent trusts, with everything below them.
ALTER TABLE sessions ADD COLUMN trusted TEXT NOT NULL DEFAULT '[]';
-- Whether the session is restarted when it died: in which directory, and by which line if its pane
-- had a shell.
ALTER TABLE sessions ADD COLUMN keepalive INTEGER NOT NULL DEFAULT 0 CHECK (keepalive IN (0, 1));
ALTER TABLE sessions ADD COLUMN start_dir TEXT;
ALTER TABLE sessions ADD COLUMN start_line TEXT;
-- The file that starts the session, until the result is seen; the time of the start; the number of
-- failed starts in a row; why no more are tried.
ALTER TABLE sessions ADD COLUMN starting TEXT;
ALTER TABLE sessions ADD COLUMN started_at TEXT;
ALTER TABLE sessions ADD COLUMN quick_deaths INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN given_up TEXT;
-- The last output of a busy session that was reported as stuck.
ALTER TABLE sessions ADD COLUMN stuck_since TEXT;

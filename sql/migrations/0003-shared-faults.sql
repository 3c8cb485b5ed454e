-- Faults that are not a prompt's own: of a session in which prompts fail, of a login, of a provider
-- that cannot be reached.

-- A session in which several prompts fail in a row rests, too: the first attempt that failed since
-- the last success, or since a person gave the session a fresh start.
ALTER TABLE sessions ADD COLUMN failing_from INTEGER;

-- Agents whose login has failed: a session, or all sessions of an account.  `process` is the agent
-- that failed ('PID STARTED'); another process may be logged in.
CREATE TABLE login_holds (
    host    TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('session', 'account')),
    name    TEXT NOT NULL,
    reason  TEXT NOT NULL,
    process TEXT,
    since   TEXT NOT NULL,
    PRIMARY KEY (host, kind, name),
    CHECK (process IS NULL OR kind = 'session')
) STRICT, WITHOUT ROWID;

-- Providers whose model could not be reached (of one-shot commands: their accounts):
--   suspected  one prompt did not reach it; the next one that ends decides
--   resting    two prompts in a row did not: no prompt is typed there until resting_until
--   due        the rest is over: the next prompt tries the provider
--   probing    one prompt tries it; the others wait for its end
-- `prompt_id` is the last prompt that did not reach it, or that tries it; `rests` counts the rests.
CREATE TABLE outages (
    host          TEXT NOT NULL,
    provider      TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('suspected', 'resting', 'due', 'probing')),
    prompt_id     INTEGER NOT NULL,
    rests         INTEGER NOT NULL DEFAULT 0,
    resting_until TEXT,
    reason        TEXT NOT NULL,
    since         TEXT NOT NULL,
    updated_at    TEXT NOT NULL,
    updated_by    TEXT NOT NULL,
    PRIMARY KEY (host, provider),
    CHECK ((state = 'resting') = (resting_until IS NOT NULL)),
    CHECK ((state = 'suspected') = (rests = 0))
) STRICT, WITHOUT ROWID;

INSERT INTO event_types (type) VALUES
    ('login.held'), ('login.released'), ('outage.began'), ('outage.ended');

-- Why an enrolled session takes no prompts, apart from pauses.
CREATE VIEW session_holds AS
SELECT s.host, s.name, s.provider, s.paused, s.status,
       CASE WHEN l.account IS NOT NULL THEN 'limit'
            WHEN g.name IS NOT NULL OR a.name IS NOT NULL THEN 'login'
            WHEN o.provider IS NOT NULL THEN 'outage'
            WHEN s.resting_until IS NOT NULL THEN 'rest'
            WHEN v.version IS NOT NULL THEN 'untested' END AS held_by,
       CASE WHEN l.account IS NOT NULL THEN l.account
            WHEN a.name IS NOT NULL THEN 'account ' || a.name
            WHEN g.name IS NOT NULL THEN 'session ' || g.name
            WHEN o.provider IS NOT NULL THEN o.provider
            WHEN s.resting_until IS NOT NULL THEN s.name
            WHEN v.version IS NOT NULL THEN v.provider || ' ' || v.version END AS held_on
FROM sessions s
LEFT JOIN usage_limits l ON l.host = s.host AND l.account = coalesce(s.account, s.provider)
LEFT JOIN login_holds g ON g.host = s.host AND g.kind = 'session' AND g.name = s.name
LEFT JOIN login_holds a ON a.host = s.host AND a.kind = 'account'
                           AND a.name = coalesce(s.account, s.provider)
LEFT JOIN outages o ON o.host = s.host AND o.state IN ('resting', 'probing')
                       AND o.provider = CASE WHEN s.provider = 'command'
                                             THEN coalesce(s.account, s.provider)
                                             ELSE s.provider END
LEFT JOIN agent_versions v ON v.host = s.host AND v.provider = s.provider
                              AND v.version = s.agent_version AND v.state = 'held'
WHERE s.enrolled = 1;

-- Why a prompt can run nowhere: its session is not there, or every session that it may run in is
-- paused or takes no prompts.  Prompts with the same targets have the same cause.
DROP VIEW prompt_holds;
CREATE VIEW prompt_holds AS
SELECT p.id,
       CASE WHEN p.target_session IS NOT NULL
                 AND (s.name IS NULL OR s.enrolled = 0 OR s.status = 'offline') THEN 'target missing'
            WHEN EXISTS (SELECT 1 FROM pauses x WHERE x.host = p.host
                         AND x.provider IN ('', p.target_provider, s.provider))
                 OR s.paused = 1 THEN 'pause'
            WHEN p.target_session IS NOT NULL
            THEN (SELECT h.held_by FROM session_holds h
                  WHERE h.host = p.host AND h.name = p.target_session)
            WHEN p.target_provider IS NOT NULL AND NOT EXISTS
                 (SELECT 1 FROM session_holds h
                  WHERE h.host = p.host AND h.provider = p.target_provider AND h.held_by IS NULL
                    AND h.paused = 0 AND h.status <> 'offline')
            THEN (SELECT h.held_by FROM session_holds h
                  WHERE h.host = p.host AND h.provider = p.target_provider AND h.paused = 0
                  ORDER BY h.held_by, h.held_on LIMIT 1) END AS held_by,
       CASE WHEN p.target_session IS NOT NULL
                 AND (s.name IS NULL OR s.enrolled = 0 OR s.status = 'offline') THEN p.target_session
            WHEN EXISTS (SELECT 1 FROM pauses x WHERE x.host = p.host AND x.provider = '')
            THEN 'everything'
            WHEN s.paused = 1 THEN s.name
            WHEN EXISTS (SELECT 1 FROM pauses x WHERE x.host = p.host
                         AND x.provider IN (p.target_provider, s.provider))
            THEN (SELECT min(x.provider) FROM pauses x WHERE x.host = p.host
                  AND x.provider IN (p.target_provider, s.provider))
            WHEN p.target_session IS NOT NULL
            THEN (SELECT h.held_on FROM session_holds h
                  WHERE h.host = p.host AND h.name = p.target_session)
            WHEN p.target_provider IS NOT NULL AND NOT EXISTS
                 (SELECT 1 FROM session_holds h
                  WHERE h.host = p.host AND h.provider = p.target_provider AND h.held_by IS NULL
                    AND h.paused = 0 AND h.status <> 'offline')
            THEN (SELECT h.held_on FROM session_holds h
                  WHERE h.host = p.host AND h.provider = p.target_provider AND h.paused = 0
                  ORDER BY h.held_by, h.held_on LIMIT 1) END AS held_on
FROM prompts p LEFT JOIN sessions s ON s.host = p.host AND s.name = p.target_session;

-- Held prompts by their cause and their lane (who may take them): one jump finds each group.
CREATE INDEX prompts_held_lanes ON prompts
    (host, held_by, held_on, coalesce('session ' || target_session, 'provider ' || target_provider, ''))
    WHERE held_by IS NOT NULL;

-- Nothing is claimed for what is paused, limited, logged out, resting, held or on probation, or out
-- of reach, not even by a pass that looked before.
DROP TRIGGER attempts_claim;
CREATE TRIGGER attempts_claim BEFORE INSERT ON attempts
WHEN NOT EXISTS (SELECT 1 FROM sessions WHERE host = NEW.host AND name = NEW.session
                 AND enrolled = 1 AND paused = 0 AND status = 'idle')
  OR EXISTS (SELECT 1 FROM session_holds h
             WHERE h.host = NEW.host AND h.name = NEW.session AND h.held_by IS NOT NULL)
  OR EXISTS (SELECT 1 FROM sessions s JOIN pauses x ON x.host = s.host
             WHERE s.host = NEW.host AND s.name = NEW.session AND x.provider IN ('', s.provider))
  OR EXISTS (SELECT 1 FROM sessions s
             JOIN agent_versions v ON v.host = s.host AND v.provider = s.provider
                  AND v.version = s.agent_version
             WHERE s.host = NEW.host AND s.name = NEW.session
               AND v.probation_until > NEW.claimed_at)
  OR NOT EXISTS (SELECT 1 FROM prompts WHERE id = NEW.prompt_id
                 AND status = 'pending' AND held_by IS NULL)
BEGIN SELECT RAISE(ABORT, 'a claim needs a waiting prompt and an enrolled idle session'); END;

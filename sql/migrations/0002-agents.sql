-- Sessions that rest, the turns of their agents, and what is known of each version of an agent.

-- A session that gives claims back again and again rests: it is offered no prompts for a while.
-- resting_until is set exactly while it rests; a pass that finds the time over empties it.
ALTER TABLE sessions ADD COLUMN resting_until TEXT;
ALTER TABLE sessions ADD COLUMN rest_reason TEXT
    CHECK ((rest_reason IS NULL) = (resting_until IS NULL));
-- claims in a row that the session gave back, although the prompt was given back by no other
ALTER TABLE sessions ADD COLUMN given_back INTEGER NOT NULL DEFAULT 0 CHECK (given_back >= 0);
CREATE INDEX sessions_resting ON sessions (host, resting_until) WHERE resting_until IS NOT NULL;

INSERT INTO event_types (type) VALUES ('session.resting'), ('session.rested');
CREATE TRIGGER sessions_rest_event AFTER UPDATE OF resting_until ON sessions
WHEN OLD.resting_until IS NOT NEW.resting_until BEGIN
    INSERT INTO task_events (session, type, data, created_at) VALUES
        (NEW.name,
         CASE WHEN NEW.resting_until IS NULL THEN 'session.rested' ELSE 'session.resting' END,
         CASE WHEN NEW.resting_until IS NULL THEN '{"by": "' || NEW.updated_by || '"}'
              ELSE '{"by": "' || NEW.updated_by || '", "until": "' || NEW.resting_until || '"}' END,
         NEW.updated_at);
END;

-- When the last turn of a session's agent began and ended, as its hooks or its transcript reported:
-- its own turns, whoever submitted them.  Both are empty after the agent has started anew.
ALTER TABLE sessions ADD COLUMN turn_began_at TEXT;
ALTER TABLE sessions ADD COLUMN turn_ended_at TEXT;

-- Which version of its agent a session runs.
ALTER TABLE sessions ADD COLUMN agent_version TEXT;
ALTER TABLE sessions ADD COLUMN agent_untested INTEGER NOT NULL DEFAULT 0 -- newer than recorded
    CHECK (agent_untested IN (0, 1));
ALTER TABLE attempts ADD COLUMN agent_version TEXT;

-- What prompts have shown about a version of an agent:
--   probation  one prompt tries an untested version; others wait for its end, or until probation_until
--   trusted    a prompt has ended as it should, or a person has allowed the version
--   held       prompts were not judged right: the version gets none, for the reason
-- A version without a row is tested, or nothing has run there.  `unverified` counts such ends in a row.
CREATE TABLE agent_versions (
    host            TEXT NOT NULL,
    provider        TEXT NOT NULL,
    version         TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('probation', 'trusted', 'held')),
    prompt_id       INTEGER,
    probation_until TEXT,
    unverified      INTEGER NOT NULL DEFAULT 0 CHECK (unverified >= 0),
    reason          TEXT,
    updated_at      TEXT NOT NULL,
    updated_by      TEXT NOT NULL,
    PRIMARY KEY (host, provider, version),
    CHECK ((state = 'probation') = (probation_until IS NOT NULL)),
    CHECK ((state = 'probation') = (prompt_id IS NOT NULL)),
    CHECK ((state = 'held') = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO event_types (type) VALUES
    ('version.probation'), ('version.trusted'), ('version.held');

-- Why a prompt can run nowhere: its session is not there, or every session that it may run in is
-- paused, at its usage limit, rests, or runs a version that is held.
DROP VIEW prompt_holds;
CREATE VIEW prompt_holds AS
SELECT id,
       CASE WHEN missing IS NOT NULL THEN 'target missing'
            WHEN paused IS NOT NULL THEN 'pause'
            WHEN limited IS NOT NULL THEN 'limit'
            WHEN resting IS NOT NULL THEN 'rest'
            WHEN untested IS NOT NULL THEN 'untested' END AS held_by,
       coalesce(missing, paused, limited, resting, untested) AS held_on
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
                  THEN (SELECT l.account FROM usage_limits l
                        WHERE l.host = p.host AND l.account = coalesce(s.account, s.provider))
                  WHEN p.target_provider IS NOT NULL AND NOT EXISTS
                       (SELECT 1 FROM sessions o LEFT JOIN usage_limits l
                        ON l.host = o.host AND l.account = coalesce(o.account, o.provider)
                        WHERE o.host = p.host AND o.provider = p.target_provider
                          AND o.enrolled = 1 AND o.status <> 'offline' AND l.account IS NULL)
                  THEN (SELECT min(l.account) FROM sessions o JOIN usage_limits l
                        ON l.host = o.host AND l.account = coalesce(o.account, o.provider)
                        WHERE o.host = p.host AND o.provider = p.target_provider AND o.enrolled = 1)
             END AS limited,
             CASE WHEN s.resting_until IS NOT NULL THEN s.name END AS resting,
             CASE WHEN p.target_session IS NOT NULL
                  THEN (SELECT v.provider || ' ' || v.version FROM agent_versions v
                        WHERE v.host = p.host AND v.provider = s.provider
                          AND v.version = s.agent_version AND v.state = 'held')
                  WHEN p.target_provider IS NOT NULL AND NOT EXISTS
                       (SELECT 1 FROM sessions o LEFT JOIN agent_versions v
                        ON v.host = o.host AND v.provider = o.provider
                           AND v.version = o.agent_version AND v.state = 'held'
                        WHERE o.host = p.host AND o.provider = p.target_provider
                          AND o.enrolled = 1 AND o.status <> 'offline' AND v.version IS NULL)
                  THEN (SELECT min(v.provider || ' ' || v.version) FROM sessions o
                        JOIN agent_versions v ON v.host = o.host AND v.provider = o.provider
                           AND v.version = o.agent_version AND v.state = 'held'
                        WHERE o.host = p.host AND o.provider = p.target_provider
                          AND o.enrolled = 1)
             END AS untested
      FROM prompts p LEFT JOIN sessions s ON s.host = p.host AND s.name = p.target_session) AS known;

-- Nothing is claimed for what is paused, limited, resting, held or on probation, not even by a pass
-- that looked before.
DROP TRIGGER attempts_claim;
CREATE TRIGGER attempts_claim BEFORE INSERT ON attempts
WHEN NOT EXISTS (SELECT 1 FROM sessions WHERE host = NEW.host AND name = NEW.session
                 AND enrolled = 1 AND paused = 0 AND status = 'idle'
                 AND resting_until IS NULL)
  OR EXISTS (SELECT 1 FROM sessions s JOIN pauses x ON x.host = s.host
             WHERE s.host = NEW.host AND s.name = NEW.session AND x.provider IN ('', s.provider))
  OR EXISTS (SELECT 1 FROM sessions s
             JOIN usage_limits l ON l.host = s.host AND l.account = coalesce(s.account, s.provider)
             WHERE s.host = NEW.host AND s.name = NEW.session)
  OR EXISTS (SELECT 1 FROM sessions s
             JOIN agent_versions v ON v.host = s.host AND v.provider = s.provider
                  AND v.version = s.agent_version
             WHERE s.host = NEW.host AND s.name = NEW.session
               AND (v.state = 'held' OR v.probation_until > NEW.claimed_at))
  OR NOT EXISTS (SELECT 1 FROM prompts WHERE id = NEW.prompt_id
                 AND status = 'pending' AND held_by IS NULL)
BEGIN SELECT RAISE(ABORT, 'a claim needs a waiting prompt and an enrolled idle session'); END;

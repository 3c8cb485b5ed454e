-- A held prompt waits for something that can end.
SELECT 'prompt ' || p.id || ' is held by a dependency that no longer exists' AS wrong, p.id,
       'hold' AS repair
FROM prompts p
WHERE p.held_by = 'dependency' AND NOT EXISTS
    (SELECT 1 FROM dependencies d JOIN prompts b ON b.id = d.after_id
     WHERE d.prompt_id = p.id AND (b.status <> 'completed' OR b.review = 'wanted'))
UNION ALL
SELECT 'prompt ' || p.id || ' is held until a time that is not its own', p.id, 'hold'
FROM prompts p
WHERE p.held_by = 'time' AND coalesce(p.held_on, '') <> coalesce(p.not_before, '-')
UNION ALL
SELECT 'prompt ' || p.id || ' is held by a usage limit that no longer exists', p.id, 'hold'
FROM prompts p
WHERE p.held_by = 'limit' AND NOT EXISTS
    (SELECT 1 FROM usage_limits l WHERE l.host = p.host AND l.account = p.held_on)
UNION ALL
SELECT 'prompt ' || p.id || ' is held by the rest of a session that does not rest', p.id, 'hold'
FROM prompts p
WHERE p.held_by = 'rest' AND NOT EXISTS
    (SELECT 1 FROM sessions s
     WHERE s.host = p.host AND s.name = p.held_on AND s.resting_until IS NOT NULL)
UNION ALL
SELECT 'prompt ' || p.id || ' is held by a version of an agent that is not held', p.id, 'hold'
FROM prompts p
WHERE p.held_by = 'untested' AND NOT EXISTS
    (SELECT 1 FROM agent_versions v
     WHERE v.host = p.host AND v.provider || ' ' || v.version = p.held_on AND v.state = 'held')
UNION ALL
SELECT 'prompt ' || p.id || ' is held by a login that has not failed', p.id, 'hold'
FROM prompts p
WHERE p.held_by = 'login' AND NOT EXISTS
    (SELECT 1 FROM login_holds g WHERE g.host = p.host AND g.kind || ' ' || g.name = p.held_on)
UNION ALL
SELECT 'prompt ' || p.id || ' is held by the outage of a provider that can be reached', p.id, 'hold'
FROM prompts p
WHERE p.held_by = 'outage' AND NOT EXISTS
    (SELECT 1 FROM outages o
     WHERE o.host = p.host AND o.provider = p.held_on AND o.state IN ('resting', 'probing'));

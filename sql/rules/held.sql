-- A held prompt waits for something that can end.
SELECT 'held by a dependency that is no more: ' || p.id AS wrong
FROM prompts p
WHERE p.held_by = 'dependency' AND NOT EXISTS
    (SELECT 1 FROM dependencies d JOIN prompts b ON b.id = d.after_id
     WHERE d.prompt_id = p.id AND (b.status <> 'completed' OR b.review = 'wanted'))
UNION ALL
SELECT 'held by a time that is not its own: ' || p.id
FROM prompts p
WHERE p.held_by = 'time' AND coalesce(p.held_on, '') <> coalesce(p.not_before, '-')
UNION ALL
SELECT 'held by a limit that is no more: ' || p.id
FROM prompts p
WHERE p.held_by = 'limit' AND NOT EXISTS
    (SELECT 1 FROM limits l WHERE l.host = p.host AND l.account = p.held_on);

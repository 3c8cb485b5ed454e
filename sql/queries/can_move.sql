-- Whether anything can still happen by itself before :until: an attempt lives, a prompt could run,
-- a time comes.  What waits for a prompt that failed, a session that is missing or the end of a
-- pause does not count.
SELECT 1 AS found FROM attempts WHERE host = :host AND outcome IS NULL
UNION ALL
SELECT 1 FROM prompts WHERE host = :host AND retry_at <= :until
UNION ALL
SELECT 1 FROM prompts WHERE host = :host AND held_by = 'time' AND held_on <= :until
UNION ALL
SELECT 1 FROM prompts p JOIN limits l ON l.host = p.host AND l.account = p.held_on
WHERE p.host = :host AND p.held_by = 'limit' AND l.until <= :until
LIMIT 1;

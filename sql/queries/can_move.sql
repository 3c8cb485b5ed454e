-- Whether anything can still happen by itself before :until: an attempt lives, a prompt could run,
-- a time comes.  What waits for a prompt that failed, a session that is missing or the end of a
-- pause does not count.
SELECT 1 AS found FROM attempts WHERE host = :host AND outcome IS NULL
UNION ALL
SELECT 1 FROM prompts WHERE host = :host AND retry_at <= :until
UNION ALL
SELECT 1 FROM prompts WHERE host = :host AND held_by = 'time' AND held_on <= :until
LIMIT 1;

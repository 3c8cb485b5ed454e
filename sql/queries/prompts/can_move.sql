-- Whether anything can still happen before :until without a person: an attempt is live, a prompt can
-- run, or a retry, a start time or the end of a limit, a rest or an outage is due.  Prompts that wait
-- for a failed prompt,
-- a missing session or the end of a pause do not count.
SELECT 1 AS found FROM attempts WHERE host = :host AND outcome IS NULL
UNION ALL
SELECT 1 FROM prompts WHERE host = :host AND retry_at <= :until
UNION ALL
SELECT 1 FROM prompts WHERE host = :host AND held_by = 'time' AND held_on <= :until
UNION ALL
SELECT 1 FROM prompts p JOIN usage_limits l ON l.host = p.host AND l.account = p.held_on
WHERE p.host = :host AND p.held_by = 'limit' AND l.until <= :until
UNION ALL
SELECT 1 FROM prompts p JOIN sessions s ON s.host = p.host AND s.name = p.held_on
WHERE p.host = :host AND p.held_by = 'rest' AND s.resting_until <= :until
UNION ALL
SELECT 1 FROM prompts p JOIN outages o ON o.host = p.host AND o.provider = p.held_on
WHERE p.host = :host AND p.held_by = 'outage'
  AND (o.resting_until IS NULL OR o.resting_until <= :until)
LIMIT 1;

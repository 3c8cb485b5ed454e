-- A live attempt is the only one of its prompt and of its session.  Its stage matches the status of
-- its prompt: a submitted one still prepares its context, or runs.
SELECT 'attempt ' || a.id || ' is ' || a.stage || ', its prompt ' || p.id || ' ' || p.status AS wrong
FROM attempts a JOIN prompts p ON p.id = a.prompt_id
WHERE a.outcome IS NULL
  AND NOT (p.status = 'assigned' OR (p.status = 'in_progress' AND a.stage = 'submitted'))
UNION ALL
SELECT 'prompt ' || prompt_id || ' has ' || count(*) || ' live attempts'
FROM attempts WHERE outcome IS NULL GROUP BY prompt_id HAVING count(*) > 1
UNION ALL
SELECT 'session ' || session || ' has ' || count(*) || ' live attempts'
FROM attempts WHERE outcome IS NULL GROUP BY host, session HAVING count(*) > 1
UNION ALL
SELECT 'attempt ' || a.id || ' is of host ' || a.host || ', its prompt ' || p.id || ' of ' || p.host
FROM attempts a JOIN prompts p ON p.id = a.prompt_id
WHERE a.outcome IS NULL AND a.host <> p.host;

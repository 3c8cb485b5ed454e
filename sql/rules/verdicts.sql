-- A check is open exactly as long as its attempt; only a checked or running prompt is reviewed.
SELECT 'the check of attempt ' || c.id || ' is ' || c.state || ', the attempt ' || a.outcome AS wrong
FROM checks c JOIN attempts a ON a.id = c.id
WHERE c.ended_at IS NULL AND a.outcome IS NOT NULL
UNION ALL
SELECT 'the check of attempt ' || c.id || ' has ' || c.state || ', the attempt is ' || a.stage
FROM checks c JOIN attempts a ON a.id = c.id
WHERE c.ended_at IS NOT NULL AND a.outcome IS NULL
UNION ALL
SELECT 'the check of attempt ' || c.id || ' is ' || c.state || ', its prompt ' || p.id || ' '
    || p.status
FROM checks c JOIN attempts a ON a.id = c.id JOIN prompts p ON p.id = a.prompt_id
WHERE c.ended_at IS NULL AND a.outcome IS NULL AND p.status <> 'in_progress';

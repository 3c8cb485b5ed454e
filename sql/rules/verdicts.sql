-- A check goes on while its attempt is live, and ends with it; a prompt in progress has the check.
SELECT 'the check of attempt ' || c.id || ' is ' || c.state || ', but the attempt is ' || a.outcome
       AS wrong, c.id, 'end check' AS repair
FROM checks c JOIN attempts a ON a.id = c.id
WHERE c.ended_at IS NULL AND a.outcome IS NOT NULL
UNION ALL
SELECT 'the check of attempt ' || c.id || ' has ' || c.state || ', but the attempt is still '
       || a.stage, c.id, 'fail attempt'
FROM checks c JOIN attempts a ON a.id = c.id
WHERE c.ended_at IS NOT NULL AND a.outcome IS NULL
UNION ALL
SELECT 'the check of attempt ' || c.id || ' is ' || c.state || ', but its prompt ' || p.id || ' is '
       || p.status, c.id, 'fail attempt'
FROM checks c JOIN attempts a ON a.id = c.id JOIN prompts p ON p.id = a.prompt_id
WHERE c.ended_at IS NULL AND a.outcome IS NULL AND p.status <> 'in_progress';

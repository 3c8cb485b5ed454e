-- A prompt with a planned retry has an attempt left, and its last attempt cannot have run unseen.
SELECT 'prompt ' || p.id || ' has a planned retry after ' || p.attempts || ' of ' || p.max_attempts
       || ' attempts' AS wrong, p.id, 'drop retry' AS repair
FROM prompts p
WHERE p.retry_at IS NOT NULL AND p.attempts >= p.max_attempts
UNION ALL
SELECT 'prompt ' || p.id || ' has a planned retry, but attempt ' || a.id || ' may have run', p.id,
       'drop retry'
FROM prompts p JOIN attempts a ON a.prompt_id = p.id
WHERE p.retry_at IS NOT NULL AND a.outcome = 'unverified'
  AND NOT EXISTS (SELECT 1 FROM attempts b WHERE b.prompt_id = p.id AND b.number > a.number);

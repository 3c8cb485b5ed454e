-- A prompt with an automatic retry has an attempt left, and did not run with an unknown outcome.
SELECT 'prompt ' || p.id || ' is to be tried again after ' || p.attempts || ' of ' || p.max_attempts
    || ' attempts' AS wrong
FROM prompts p
WHERE p.retry_at IS NOT NULL AND p.attempts >= p.max_attempts
UNION ALL
SELECT 'prompt ' || p.id || ' is to be tried again, and attempt ' || a.id || ' may have run'
FROM prompts p JOIN attempts a ON a.prompt_id = p.id
WHERE p.retry_at IS NOT NULL AND a.outcome = 'unverified'
  AND NOT EXISTS (SELECT 1 FROM attempts b WHERE b.prompt_id = p.id AND b.number > a.number);

-- Only a prompt with a live attempt is assigned to a session.
SELECT 'prompt ' || p.id || ' is ' || p.status || ' without a live attempt' AS wrong
FROM prompts p
WHERE p.status IN ('assigned', 'in_progress')
  AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.prompt_id = p.id AND a.outcome IS NULL)
UNION ALL
SELECT 'prompt ' || p.id || ' is ' || p.status || ' in session ' || p.assigned_session
    || ', its live attempt ' || a.id || ' in ' || a.session
FROM attempts a JOIN prompts p ON p.id = a.prompt_id
WHERE a.outcome IS NULL AND p.status IN ('assigned', 'in_progress')
  AND p.assigned_session <> a.session;

-- A prompt that is assigned or in progress has a live attempt, in the session that it names.
SELECT 'prompt ' || p.id || ' is ' || p.status || ' without a live attempt' AS wrong, p.id,
       'fail prompt' AS repair
FROM prompts p
WHERE p.status IN ('assigned', 'in_progress')
  AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.prompt_id = p.id AND a.outcome IS NULL)
UNION ALL
SELECT 'prompt ' || p.id || ' is ' || p.status || ' in session ' || p.assigned_session
       || ', but its live attempt ' || a.id || ' is in session ' || a.session, a.id,
       CASE WHEN a.stage IN ('claimed', 'preparing', 'prepared')
            THEN 'release attempt' ELSE 'fail attempt' END
FROM attempts a JOIN prompts p ON p.id = a.prompt_id
WHERE a.outcome IS NULL AND p.status IN ('assigned', 'in_progress')
  AND p.assigned_session <> a.session;

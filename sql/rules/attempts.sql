-- A prompt and a session each have at most one live attempt, and the prompt is as far as its attempt:
-- a submitted attempt still prepares its context, or runs.
-- The repair ends the attempt.  Nothing was typed for the prompt while all of its attempts are untyped.
WITH live AS (
    SELECT a.id, a.prompt_id, a.host, a.session, a.stage, p.status, p.host AS prompt_host,
           count(*) OVER (PARTITION BY a.prompt_id) AS of_prompt,
           count(*) OVER (PARTITION BY a.host, a.session) AS of_session,
           CASE WHEN max(a.stage NOT IN ('claimed', 'preparing', 'prepared'))
                     OVER (PARTITION BY a.prompt_id)
                THEN 'fail attempt' ELSE 'release attempt' END AS repair
    FROM attempts a JOIN prompts p ON p.id = a.prompt_id
    WHERE a.outcome IS NULL
)
SELECT 'prompt ' || prompt_id || ' has ' || of_prompt || ' live attempts' AS wrong, id, repair
FROM live WHERE of_prompt > 1
UNION ALL
SELECT 'session ' || session || ' has ' || of_session || ' live attempts', id, repair
FROM live WHERE of_session > 1
UNION ALL
SELECT 'attempt ' || id || ' is ' || stage || ', but its prompt ' || prompt_id || ' is ' || status,
       id, repair
FROM live
WHERE NOT (status = 'assigned' OR (status = 'in_progress' AND stage = 'submitted'))
UNION ALL
SELECT 'attempt ' || id || ' belongs to host ' || host || ', but its prompt ' || prompt_id
       || ' to host ' || prompt_host, id, repair
FROM live WHERE host <> prompt_host;

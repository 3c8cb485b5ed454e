-- A session names the prompt of its live attempt, and no other.
SELECT 'session ' || name || ' names ' || coalesce('prompt ' || current_task_id, 'no prompt')
       || ', but its live attempt is ' || coalesce('for prompt ' || prompt_id, 'missing') AS wrong,
       id, 'name prompt' AS repair
FROM (SELECT s.id, s.name, s.current_task_id,
             (SELECT min(a.prompt_id) FROM attempts a WHERE a.host = s.host
              AND a.session = s.name AND a.outcome IS NULL) AS prompt_id
      FROM sessions s) AS known
WHERE coalesce(current_task_id, 0) <> coalesce(prompt_id, 0);

-- A session names the prompt of its live attempt, and no other.
SELECT 'session ' || name || ' has ' || coalesce('prompt ' || current_task_id, 'nothing')
    || ', its live attempt ' || coalesce('is of prompt ' || prompt_id, 'is none') AS wrong
FROM (SELECT s.name, s.current_task_id,
          (SELECT min(a.prompt_id) FROM attempts a WHERE a.host = s.host
           AND a.session = s.name AND a.outcome IS NULL) AS prompt_id
      FROM sessions s) AS known
WHERE coalesce(current_task_id, 0) <> coalesce(prompt_id, 0);

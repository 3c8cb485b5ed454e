-- The number of a task's next try, and the feedback of the previous one for it.
SELECT coalesce(max(w.number), 0) + 1 AS number,
       (SELECT p.feedback FROM profile_work AS l JOIN prompts AS p ON p.id = l.prompt_id
        WHERE l.goals = :goals AND l.task = :task ORDER BY l.number DESC LIMIT 1) AS feedback
FROM profile_work AS w
WHERE w.goals = :goals AND w.task = :task;

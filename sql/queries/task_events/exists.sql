SELECT 1 AS found FROM task_events WHERE attempt_id = :attempt_id AND type = :type LIMIT 1;

-- Whether what `report` was told has been read before.
SELECT 1 AS found FROM task_events
WHERE attempt_id = :attempt_id AND type = :type AND data = :data LIMIT 1;

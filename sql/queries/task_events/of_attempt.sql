-- The events of a type for an attempt, to detect reports that a pass has read before.
SELECT data FROM task_events WHERE attempt_id = :attempt_id AND type = :type;

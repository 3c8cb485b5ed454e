-- What is written down of an attempt in events of a type, to tell what was read before.
SELECT data FROM task_events WHERE attempt_id = :attempt_id AND type = :type;

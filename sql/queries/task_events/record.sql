INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at)
VALUES (:prompt_id, :attempt_id, :session, :type, :data, :now);

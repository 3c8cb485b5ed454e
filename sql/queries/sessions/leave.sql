-- Opt a session out, unless it has a prompt.
UPDATE sessions
SET enrolled = 0, opted_out = 1, keepalive = 0, start_file = NULL, updated_at = :now, updated_by = :by
WHERE id = :id AND current_task_id IS NULL;

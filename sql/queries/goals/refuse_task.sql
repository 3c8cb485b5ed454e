-- A task that can be no prompt.
UPDATE tasks
SET status = 'failed', error = :error, completed_at = :now, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'pending';

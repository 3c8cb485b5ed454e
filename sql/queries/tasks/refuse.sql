-- Mark a task that cannot become a prompt as failed.
UPDATE tasks
SET status = 'failed', error = :error, completed_at = :now, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'pending';

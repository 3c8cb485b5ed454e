-- The task has become that prompt.  A task that the user has closed stays closed, unless the user
-- retries the prompt.
UPDATE tasks
SET status = 'in_progress', prompt_id = :prompt, error = NULL, not_before = NULL,
    attempts = attempts + (prompt_id IS NOT :prompt), started_at = :now, completed_at = NULL,
    updated_at = :now, updated_by = :by
WHERE id = :id AND (status = 'pending' OR (:again AND status IN ('failed', 'cancelled')));

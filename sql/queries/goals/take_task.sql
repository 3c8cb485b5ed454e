-- The task has become that prompt.  One that a person has closed stays closed, unless the person
-- has the prompt tried again.
UPDATE tasks
SET status = 'in_progress', prompt_id = :prompt, error = NULL, not_before = NULL,
    attempts = attempts + (prompt_id IS NOT :prompt), started_at = :now, completed_at = NULL,
    updated_at = :now, updated_by = :by
WHERE id = :id AND (status = 'pending' OR (:again AND status IN ('failed', 'cancelled')));

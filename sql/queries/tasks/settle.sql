-- Copy the outcome of the prompt to its task.
UPDATE tasks
SET status = :status, error = :error, not_before = :not_before,
    completed_at = CASE WHEN :status = 'pending' THEN NULL ELSE :now END,
    updated_at = :now, updated_by = :by
WHERE id = :id AND prompt_id = :prompt AND status = 'in_progress';

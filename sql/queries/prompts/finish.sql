UPDATE prompts
SET status = :status, error = :error, exit_status = :exit_status, response = :response,
    feedback = coalesce(:feedback, feedback),
    completed_at = :at, retry_at = :retry_at,
    cancel_requested_at = CASE WHEN :status = 'cancelled' THEN cancel_requested_at END,
    updated_at = :now, updated_by = :by
WHERE id = :id AND status IN ('assigned', 'in_progress');

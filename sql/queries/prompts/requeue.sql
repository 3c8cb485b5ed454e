-- Put a failed or cancelled prompt back in the queue.
UPDATE prompts
SET status = 'pending', error = NULL, exit_status = NULL, retry_at = NULL, completed_at = NULL,
    cancel_requested_at = NULL, assigned_session = NULL, assigned_at = NULL, started_at = NULL,
    attempts = CASE WHEN :reset_attempts THEN 0 ELSE attempts END,
    ready_at = :now, updated_at = :now, updated_by = :by
WHERE id = :id AND status IN ('failed', 'cancelled');

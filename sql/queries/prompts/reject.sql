-- The prompt waits again, with the reviewer's comment; its attempt count is reset.
UPDATE prompts
SET status = 'pending', feedback = :feedback, error = NULL, exit_status = NULL, completed_at = NULL,
    assigned_session = NULL, assigned_at = NULL, started_at = NULL, attempts = 0,
    ready_at = :now, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'completed' AND review = 'wanted';

-- It waits again, with what a person said of it; its attempts count from zero.
UPDATE prompts
SET status = 'pending', feedback = :feedback, error = NULL, exit_status = NULL, completed_at = NULL,
    assigned_session = NULL, assigned_at = NULL, started_at = NULL, attempts = 0,
    ready_at = :now, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'completed' AND review = 'wanted';

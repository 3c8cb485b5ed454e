-- No pass typed the prompt, or its account is at its limit: it waits again; the attempt does not count.
UPDATE prompts
SET status = 'pending', assigned_session = NULL, assigned_at = NULL, started_at = NULL,
    attempts = attempts - 1, ready_at = :now, updated_at = :now, updated_by = :by
WHERE id = :id AND status IN ('assigned', 'in_progress');

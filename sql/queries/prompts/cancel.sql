-- Nothing of the prompt runs, so it is cancelled at once.
UPDATE prompts
SET status = 'cancelled', held_by = NULL, held_on = NULL, retry_at = NULL, completed_at = :now,
    updated_at = :now, updated_by = :by
WHERE id = :id AND status IN ('pending', 'failed');

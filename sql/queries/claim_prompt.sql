-- Only a waiting prompt can be claimed.
UPDATE prompts
SET status = 'assigned', assigned_session = :session, attempts = attempts + 1,
    assigned_at = :now, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'pending';

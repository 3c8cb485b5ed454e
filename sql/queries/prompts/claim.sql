-- Only a prompt that still waits can be claimed.  `assigned_at` equals the `claimed_at` of its
-- attempt: failed.sql finds the attempt by this time.
UPDATE prompts
SET status = 'assigned', assigned_session = :session, attempts = attempts + 1,
    assigned_at = :at, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'pending';

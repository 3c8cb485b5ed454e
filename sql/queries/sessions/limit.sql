-- All sessions of the account wait until its limit ends.
UPDATE sessions
SET limited_until = :until,
    status = CASE WHEN status = 'idle' THEN 'limited' ELSE status END,
    status_reason = CASE WHEN status = 'idle' THEN :reason ELSE status_reason END,
    idle_since = NULL, updated_at = :now, updated_by = :by
WHERE host = :host AND coalesce(account, provider) = :account AND status <> 'offline';

-- The session's shell has reported that it runs a prompt; the next look has the details.
UPDATE sessions SET status = 'busy', status_reason = :reason, idle_since = NULL,
       updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name AND status = 'idle';

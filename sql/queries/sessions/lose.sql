-- tmux no longer lists the session, or cannot be asked.
UPDATE sessions
SET status = :status, status_reason = :status_reason, idle_since = NULL, pane_fingerprint = NULL,
    updated_at = :now, updated_by = :by
WHERE id = :id AND (status <> :status OR status_reason IS NOT :status_reason);

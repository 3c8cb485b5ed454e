-- Said once for each time since which nothing was pane_fingerprint of it.
UPDATE sessions SET stuck_reported_for = :since, updated_at = :now, updated_by = :by
WHERE id = :id AND stuck_reported_for IS NOT :since;

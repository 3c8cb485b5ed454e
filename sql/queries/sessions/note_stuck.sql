-- Reported once for each last sign of life of the session.
UPDATE sessions SET stuck_reported_for = :since, updated_at = :now, updated_by = :by
WHERE id = :id AND stuck_reported_for IS NOT :since;

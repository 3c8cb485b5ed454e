-- Record a silent session; changes the row only once for each time of its last output.
UPDATE sessions SET stuck_since = :since, updated_at = :now, updated_by = :by
WHERE id = :id AND stuck_since IS NOT :since;

-- Said once for each time since which nothing was seen of it.
UPDATE sessions SET stuck_since = :since, updated_at = :now, updated_by = :by
WHERE id = :id AND stuck_since IS NOT :since;

UPDATE sessions SET starting = NULL, updated_at = :now, updated_by = :by
WHERE id = :id AND starting IS NOT NULL;

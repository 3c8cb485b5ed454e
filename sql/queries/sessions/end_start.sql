UPDATE sessions SET start_file = NULL, updated_at = :now, updated_by = :by
WHERE id = :id AND start_file IS NOT NULL;

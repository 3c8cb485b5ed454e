UPDATE sessions SET given_up = :reason, updated_at = :now, updated_by = :by
WHERE id = :id AND given_up IS NULL;

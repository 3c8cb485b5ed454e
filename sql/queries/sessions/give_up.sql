UPDATE sessions SET given_up_reason = :reason, updated_at = :now, updated_by = :by
WHERE id = :id AND given_up_reason IS NULL;

UPDATE prompts SET not_before = :until, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'pending';

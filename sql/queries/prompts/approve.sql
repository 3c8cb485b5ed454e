UPDATE prompts SET review = 'approved', updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'completed' AND review = 'wanted';

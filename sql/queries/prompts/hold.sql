UPDATE prompts
SET held_by = :held_by, held_on = :held_on,
    ready_at = CASE WHEN :held_by IS NULL THEN :now ELSE ready_at END,
    updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'pending';

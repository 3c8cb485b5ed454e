-- The result of an earlier prompt for the same task.
UPDATE prompts SET feedback = :feedback, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'pending';

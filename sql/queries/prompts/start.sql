UPDATE prompts
SET status = 'in_progress', started_at = :at, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'assigned';

-- A goal is closed: nothing of it is begun any more.
UPDATE tasks SET status = 'cancelled', completed_at = :now, updated_at = :now, updated_by = :by
WHERE goal_id = :id AND status = 'pending';

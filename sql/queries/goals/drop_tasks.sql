-- A goal was closed: its pending tasks are not started any more.
UPDATE tasks SET status = 'cancelled', completed_at = :now, updated_at = :now, updated_by = :by
WHERE goal_id = :id AND status = 'pending';

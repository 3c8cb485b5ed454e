DELETE FROM task_events WHERE id = :id;

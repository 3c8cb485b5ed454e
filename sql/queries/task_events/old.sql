SELECT id FROM task_events WHERE created_at < :before ORDER BY created_at LIMIT :limit;

SELECT id, content, status, dedup_key FROM tasks WHERE goal_id = :id ORDER BY id;

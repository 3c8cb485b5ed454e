SELECT id FROM tasks WHERE dedup_key = :key;

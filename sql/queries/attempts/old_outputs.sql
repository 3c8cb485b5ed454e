SELECT id, prompt_id FROM attempts
WHERE output IS NOT NULL AND finished_at < :before
ORDER BY finished_at LIMIT :limit;

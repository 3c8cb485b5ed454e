SELECT id FROM checks WHERE output IS NOT NULL AND ended_at < :before ORDER BY ended_at LIMIT :limit;

SELECT id, attempts, max_attempts, assigned_session FROM prompts
WHERE host = :host AND retry_at IS NOT NULL AND retry_at <= :now ORDER BY retry_at LIMIT :limit;

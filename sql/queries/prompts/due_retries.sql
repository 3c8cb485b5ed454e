-- A retry later than any delay allows (:furthest) was scheduled before the clock was set back.
SELECT id, attempts, max_attempts, assigned_session FROM prompts
WHERE host = :host AND retry_at IS NOT NULL AND (retry_at <= :now OR retry_at > :furthest)
ORDER BY retry_at LIMIT :limit;

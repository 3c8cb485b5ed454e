-- The tasks of a project that a session can get, in the order in which they are given out.
SELECT id, priority, created_at FROM tasks AS t
WHERE status = 'pending' AND project = :project
  AND (not_before IS NULL OR not_before <= :now)
  AND (target_session IS NULL OR target_session = :session)
  AND (target_provider IS NULL OR target_provider = :provider)
  AND NOT EXISTS (SELECT 1 FROM tasks AS b WHERE b.id = t.after_id AND b.status <> 'completed')
ORDER BY priority DESC, created_at, id
LIMIT :limit;

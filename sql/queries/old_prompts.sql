-- Prompts that ended before :before, the earliest first, except those that await an automatic retry
-- or a review,
-- and those on which an open prompt depends: once they are deleted, that prompt would run.
SELECT id FROM prompts p
WHERE completed_at < :before AND retry_at IS NULL AND NOT (status = 'completed' AND review IS 'wanted')
  AND NOT EXISTS (SELECT 1 FROM dependencies d JOIN prompts w ON w.id = d.prompt_id
                  WHERE d.after_id = p.id AND w.completed_at IS NULL)
ORDER BY completed_at LIMIT :limit;

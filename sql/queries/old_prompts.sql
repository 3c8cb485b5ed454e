-- Prompts that ended before then, longest over first, but none that is tried again by itself
-- or awaits a review,
-- and none for which an open prompt waits: with its end forgotten, that one would run.
SELECT id FROM prompts p
WHERE completed_at < :before AND retry_at IS NULL AND NOT (status = 'completed' AND review IS 'wanted')
  AND NOT EXISTS (SELECT 1 FROM dependencies d JOIN prompts w ON w.id = d.prompt_id
                  WHERE d.after_id = p.id AND w.completed_at IS NULL)
ORDER BY completed_at LIMIT :limit;

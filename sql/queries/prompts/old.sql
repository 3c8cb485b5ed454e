-- Prompts that ended before :before, the oldest end first, and that nothing needs any longer;
-- optionally only those of a status or a host.  A prompt is still needed if it is retried
-- automatically, if it awaits a review, or if another prompt depends on it that is open or will be
-- retried (without the row that one would run), or that, like this prompt, did not complete (a person
-- may still retry it).
SELECT id, status, secrets, completed_at FROM prompts p
WHERE completed_at BETWEEN :since AND :until AND completed_at < :before
  AND (:status IS NULL OR status = :status) AND (:of_host IS NULL OR host = :of_host)
  AND retry_at IS NULL AND NOT (status = 'completed' AND review IS 'wanted')
  AND NOT EXISTS (SELECT 1 FROM dependencies d JOIN prompts q ON q.id = d.prompt_id
                  WHERE d.after_id = p.id
                    AND (q.completed_at IS NULL OR q.retry_at IS NOT NULL
                         OR (p.status <> 'completed' AND q.status <> 'completed')))
ORDER BY completed_at, id LIMIT :limit;

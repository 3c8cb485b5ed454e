-- Prompts that ended before then, longest over first, of a status or a host only where that is given,
-- and that nobody needs any more.  Needed are those that are tried again by themselves, that await a
-- review, and that another prompt names which is open or will be retried: with its end forgotten, that
-- one would run; or, where this did not complete, which did not either, for a person may retry it.
SELECT id, status, secrets, completed_at FROM prompts p
WHERE completed_at BETWEEN :since AND :until AND completed_at < :before
  AND (:status IS NULL OR status = :status) AND (:of_host IS NULL OR host = :of_host)
  AND retry_at IS NULL AND NOT (status = 'completed' AND review IS 'wanted')
  AND NOT EXISTS (SELECT 1 FROM dependencies d JOIN prompts q ON q.id = d.prompt_id
                  WHERE d.after_id = p.id
                    AND (q.completed_at IS NULL OR q.retry_at IS NOT NULL
                         OR (p.status <> 'completed' AND q.status <> 'completed')))
ORDER BY completed_at, id LIMIT :limit;

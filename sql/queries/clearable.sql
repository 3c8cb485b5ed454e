-- Prompts that ended long ago, await no review, and are not needed by another prompt that is open or will be
-- retried, or that a person may retry because this one did not complete.
SELECT p.id, p.secrets FROM prompts p
WHERE p.status = :status AND p.id BETWEEN :first AND :last AND p.host = :host
  AND p.completed_at < :before AND p.retry_at IS NULL AND p.review IS NOT 'wanted'
  AND NOT EXISTS (SELECT 1 FROM dependencies d JOIN prompts q ON q.id = d.prompt_id
                  WHERE d.after_id = p.id
                    AND (q.completed_at IS NULL OR q.retry_at IS NOT NULL
                         OR (p.status <> 'completed' AND q.status <> 'completed')))
ORDER BY p.id;

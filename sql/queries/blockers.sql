-- What a prompt still waits for: work that is not completed, or that a person has not approved.
SELECT p.id, p.status, p.retry_at, p.review FROM dependencies d JOIN prompts p ON p.id = d.after_id
WHERE d.prompt_id = :id AND (p.status <> 'completed' OR p.review = 'wanted')
ORDER BY p.id;

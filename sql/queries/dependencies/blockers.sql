-- The prompts that a prompt still waits for: not completed, or not approved by a person.
SELECT p.id, p.status, p.retry_at, p.review FROM dependencies d JOIN prompts p ON p.id = d.after_id
WHERE d.prompt_id = :id AND (p.status <> 'completed' OR p.review = 'wanted')
ORDER BY p.id;

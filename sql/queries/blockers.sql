-- What a prompt still waits for.
SELECT p.id, p.status, p.retry_at FROM dependencies d JOIN prompts p ON p.id = d.after_id
WHERE d.prompt_id = :id AND p.status <> 'completed' ORDER BY p.id;

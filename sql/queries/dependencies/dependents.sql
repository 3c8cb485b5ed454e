-- The prompts that depend on a prompt.
SELECT p.id FROM dependencies d JOIN prompts p ON p.id = d.prompt_id
WHERE d.after_id = :id AND p.status = 'pending' AND p.held_by = 'dependency';

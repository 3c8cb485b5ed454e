-- What is open, in the order in which it is served; over the index prompts_open.
SELECT * FROM prompts WHERE status IN ('pending', 'assigned', 'in_progress')
ORDER BY priority DESC, created_at, id LIMIT :limit;

-- What is open, in the order in which it is served; over the index prompts_open.
SELECT * FROM prompts WHERE completed_at IS NULL
ORDER BY priority DESC, created_at, id LIMIT :limit;

-- Open prompts, in the order in which they are served; uses the index prompts_open.
SELECT * FROM prompts WHERE completed_at IS NULL
ORDER BY priority DESC, created_at, id LIMIT :limit;

-- The newest failed prompts that nothing will retry by itself.
SELECT * FROM prompts WHERE status = 'failed' AND host = :host AND retry_at IS NULL
ORDER BY id DESC LIMIT :limit;

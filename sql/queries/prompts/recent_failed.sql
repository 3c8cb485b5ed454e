-- The newest failed prompts that await no automatic retry.
SELECT * FROM prompts WHERE status = 'failed' AND host = :host AND retry_at IS NULL
ORDER BY id DESC LIMIT :limit;

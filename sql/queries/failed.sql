-- Failed prompts, the newest first, with those that await a retry.
SELECT * FROM prompts WHERE status = 'failed' AND host = :host ORDER BY id DESC LIMIT :limit;

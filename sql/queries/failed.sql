-- Failed prompts, the newest first, also those that a retry awaits.
SELECT * FROM prompts WHERE status = 'failed' AND host = :host ORDER BY id DESC LIMIT :limit;

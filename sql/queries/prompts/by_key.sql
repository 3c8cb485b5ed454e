-- The prompt that was sent with a key.
SELECT id FROM prompts WHERE dedup_key = :key;

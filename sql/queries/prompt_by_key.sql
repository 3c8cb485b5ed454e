-- The prompt that was sent under a key.
SELECT id FROM prompts WHERE dedup_key = :key;

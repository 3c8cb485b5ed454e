-- The prompt with this key.
SELECT id FROM prompts WHERE dedup_key = :key;

-- Keeps a response that a later attempt may have given.
UPDATE prompts SET response = NULL
WHERE id = :prompt_id AND response IS NOT NULL AND completed_at < :before;

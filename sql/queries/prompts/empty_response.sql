-- A later attempt may have given the prompt its response.
UPDATE prompts SET response = NULL
WHERE id = :prompt_id AND response IS NOT NULL AND completed_at < :before;

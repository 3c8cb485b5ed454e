UPDATE profile_work SET settled_at = :now, retry_at = :retry_at
WHERE prompt_id = :prompt AND settled_at IS NULL;

-- The sessions in which a prompt has failed.
SELECT DISTINCT session FROM attempts
WHERE prompt_id = :prompt_id AND outcome = 'failed';

-- Whether another session gave the prompt back.
SELECT 1 AS found FROM attempts
WHERE prompt_id = :prompt_id AND outcome = 'released' AND session <> :session
LIMIT 1;

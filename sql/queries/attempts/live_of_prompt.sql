-- The live attempt of one prompt.
SELECT * FROM attempts WHERE prompt_id = :prompt_id AND outcome IS NULL;

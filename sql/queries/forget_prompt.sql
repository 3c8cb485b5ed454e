-- Its attempts and dependencies go with it.
DELETE FROM prompts WHERE id = :id;

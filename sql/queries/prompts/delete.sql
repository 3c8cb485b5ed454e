DELETE FROM prompts WHERE id = :id;

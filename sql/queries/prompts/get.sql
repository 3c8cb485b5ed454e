SELECT * FROM prompts WHERE id = :id;

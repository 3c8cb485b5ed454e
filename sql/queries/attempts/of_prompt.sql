SELECT * FROM attempts WHERE prompt_id = :id ORDER BY number;

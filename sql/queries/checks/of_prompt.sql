SELECT c.* FROM checks c JOIN attempts a ON a.id = c.id WHERE a.prompt_id = :id ORDER BY c.id;

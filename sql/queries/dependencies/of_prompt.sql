SELECT after_id FROM dependencies WHERE prompt_id = :id ORDER BY after_id;

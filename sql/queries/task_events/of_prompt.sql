SELECT * FROM task_events WHERE prompt_id = :id ORDER BY id;

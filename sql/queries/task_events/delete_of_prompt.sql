DELETE FROM task_events WHERE prompt_id = :id;

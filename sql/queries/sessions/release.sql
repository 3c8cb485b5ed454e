UPDATE sessions
SET current_task_id = NULL, last_task_id = :prompt_id, learn = 2, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name AND current_task_id = :prompt_id;

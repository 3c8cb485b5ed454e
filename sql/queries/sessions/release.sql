UPDATE sessions
SET current_task_id = NULL, last_task_id = :prompt_id, prompt_learning = 'after run',
    updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name AND current_task_id = :prompt_id;

UPDATE sessions SET current_task_id = :prompt_id, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name;

UPDATE sessions
SET current_task_id = NULL, last_task_id = :prompt_id, prompt_learning = 'after run',
    failing_from = CASE WHEN :outcome = 'completed' THEN NULL ELSE failing_from END,
    given_back = CASE WHEN :outcome = 'released' THEN given_back ELSE 0 END,
    updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name AND current_task_id = :prompt_id;

UPDATE prompts
SET target_session = NULL, held_by = NULL, held_on = NULL, ready_at = :now,
    updated_at = :now, updated_by = :by
WHERE host = :host AND held_by = 'target missing' AND held_on = :name;

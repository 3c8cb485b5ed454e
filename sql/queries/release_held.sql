-- What they waited for is there: a session, a working tree.
UPDATE prompts SET held_by = NULL, held_on = NULL, ready_at = :now, updated_at = :now, updated_by = :by
WHERE host = :host AND held_by = :held_by AND held_on = :held_on;

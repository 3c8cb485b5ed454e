-- Allow any session.  release_held finds the other causes that hold the prompts.
UPDATE prompts SET target_session = NULL, updated_at = :now, updated_by = :by
WHERE host = :host AND held_by = 'target missing' AND held_on = :name;

-- Allow any session.  release_held finds out what else the prompts wait for.
UPDATE prompts SET target_session = NULL, updated_at = :now, updated_by = :by
WHERE host = :host AND held_by = 'target missing' AND held_on = :name;

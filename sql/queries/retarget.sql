-- Free for any session.  What else they wait for, release_held finds out.
UPDATE prompts SET target_session = NULL, updated_at = :now, updated_by = :by
WHERE host = :host AND held_by = 'target missing' AND held_on = :name;

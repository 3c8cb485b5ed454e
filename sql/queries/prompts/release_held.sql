-- A cause that held prompts is over, such as a missing session.  Another cause may still hold them.
UPDATE prompts
SET held_by = (SELECT h.held_by FROM prompt_holds h WHERE h.id = prompts.id),
    held_on = (SELECT h.held_on FROM prompt_holds h WHERE h.id = prompts.id),
    ready_at = :now, updated_at = :now, updated_by = :by
WHERE host = :host AND held_by = :held_by AND held_on = :held_on;

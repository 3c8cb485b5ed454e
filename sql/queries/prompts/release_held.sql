-- A working tree that prompts waited for is free.  They have been ready before; another cause may
-- hold them now.
UPDATE prompts
SET held_by = (SELECT h.held_by FROM prompt_holds h WHERE h.id = prompts.id),
    held_on = (SELECT h.held_on FROM prompt_holds h WHERE h.id = prompts.id),
    updated_at = :now, updated_by = :by
WHERE host = :host AND held_by = :held_by AND held_on = :held_on;

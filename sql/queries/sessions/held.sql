-- The sessions that take no prompts, apart from pauses, and why.
SELECT name, held_by, held_on FROM session_holds WHERE host = :host AND held_by IS NOT NULL;

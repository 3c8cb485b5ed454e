-- Every prompt that is held, and the cause.
SELECT id, held_by, held_on FROM prompts
WHERE host = :host AND status = 'pending' AND held_by IS NOT NULL ORDER BY id;

-- The next prompts held by the same cause.
SELECT id FROM prompts
WHERE host = :host AND held_by = :held_by AND held_on = :held_on AND id > :last
ORDER BY id LIMIT :limit;

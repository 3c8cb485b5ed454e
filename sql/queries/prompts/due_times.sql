SELECT id FROM prompts
WHERE host = :host AND held_by = 'time' AND held_on <= :now ORDER BY held_on LIMIT :limit;

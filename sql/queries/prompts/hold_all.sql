-- Everything is paused.
UPDATE prompts SET held_by = 'pause', held_on = :held_on, updated_at = :now, updated_by = :by
WHERE id IN (SELECT id FROM prompts
             WHERE host = :host AND status = 'pending' AND held_by IS NULL LIMIT :limit);

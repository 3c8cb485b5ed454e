-- Everything is paused.
UPDATE prompts
SET held_by = 'pause', held_on = 'everything', updated_at = :now, updated_by = :by
WHERE host = :host AND status = 'pending' AND held_by IS NULL;

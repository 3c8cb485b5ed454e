-- The target session of these prompts rests.
UPDATE prompts SET held_by = 'rest', held_on = :name, updated_at = :now, updated_by = :by
WHERE host = :host AND status = 'pending' AND held_by IS NULL AND target_session = :name;

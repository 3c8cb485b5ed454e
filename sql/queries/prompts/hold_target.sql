-- The target session of these prompts is missing.
UPDATE prompts SET held_by = 'target missing', held_on = :name, updated_at = :now, updated_by = :by
WHERE host = :host AND status = 'pending' AND held_by IS NULL AND target_session = :name;

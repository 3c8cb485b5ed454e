-- The provider of these prompts is paused, in every session.
UPDATE prompts SET held_by = 'pause', held_on = :held_on, updated_at = :now, updated_by = :by
WHERE id IN (SELECT id FROM prompts
             WHERE host = :host AND status = 'pending' AND held_by IS NULL
               AND target_session IS NULL AND target_provider = :held_on LIMIT :limit);

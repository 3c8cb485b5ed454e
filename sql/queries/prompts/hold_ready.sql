-- A cause holds the ready prompts of a lane.
UPDATE prompts SET held_by = :held_by, held_on = :held_on, updated_at = :now, updated_by = :by
WHERE host = :host AND status = 'pending' AND held_by IS NULL
  AND target_session IS :target_session
  AND (:target_session IS NOT NULL OR target_provider IS :target_provider);

-- Their provider is paused, in whatever session it runs.
UPDATE prompts SET held_by = 'pause', held_on = :provider, updated_at = :now, updated_by = :by
WHERE host = :host AND status = 'pending' AND held_by IS NULL
  AND target_session IS NULL AND target_provider = :provider;

-- Allow any session of the provider.
UPDATE prompts
SET target_session = NULL, target_provider = coalesce(target_provider, :provider),
    updated_at = :now, updated_by = :by
WHERE host = :host AND held_by = 'target missing' AND held_on = :name;

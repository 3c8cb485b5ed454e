-- The cause that holds these prompts has changed, or is over.
UPDATE prompts
SET held_by = :held_by, held_on = :held_on,
    ready_at = CASE WHEN :held_by IS NULL THEN :now ELSE ready_at END,
    updated_at = :now, updated_by = :by
WHERE host = :host AND held_by = :was_by AND held_on = :was_on
  AND coalesce('session ' || target_session, 'provider ' || target_provider, '')
    = coalesce('session ' || :target_session, 'provider ' || :target_provider, '');

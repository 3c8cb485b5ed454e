-- Prompts that may run only where a version is held.
UPDATE prompts SET held_by = 'untested', held_on = :version, updated_at = :now, updated_by = :by
WHERE host = :host AND status = 'pending' AND held_by IS NULL
  AND (target_provider = :provider
       OR target_session IN (SELECT name FROM sessions WHERE host = :host AND provider = :provider))
  AND (SELECT h.held_by FROM prompt_holds h WHERE h.id = prompts.id) = 'untested';

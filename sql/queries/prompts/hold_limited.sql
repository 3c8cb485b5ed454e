-- Prompts that may run only where the limit is in force.
UPDATE prompts SET held_by = 'limit', held_on = :account, updated_at = :now, updated_by = :by
WHERE host = :host AND status = 'pending' AND held_by IS NULL
  AND (target_session IN (SELECT name FROM sessions WHERE host = :host
                          AND coalesce(account, provider) = :account)
       OR (target_session IS NULL AND target_provider IN
           (SELECT provider FROM sessions WHERE host = :host
            AND coalesce(account, provider) = :account)))
  AND (SELECT h.held_by FROM prompt_holds h WHERE h.id = prompts.id) = 'limit';

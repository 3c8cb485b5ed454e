-- Give a session a fresh start: what it failed to do before no longer counts.
UPDATE sessions
SET failed_starts = 0, given_up_reason = NULL, given_back = 0, failing_from = NULL,
    updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name
  AND (failed_starts > 0 OR given_up_reason IS NOT NULL OR given_back > 0
       OR failing_from IS NOT NULL);

-- Allow restarts of a session again after several failed ones.
UPDATE sessions SET failed_starts = 0, given_up_reason = NULL, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name AND (failed_starts > 0 OR given_up_reason IS NOT NULL);

-- A check ends only once: the first result counts.
UPDATE checks
SET state = :state, exit_status = :exit_status, reason = :reason, output = :output, pending_result = NULL,
    ended_at = :now, updated_at = :now, updated_by = :by
WHERE id = :id AND ended_at IS NULL;

-- Compare and set: only from the expected state.
UPDATE checks
SET state = :state, pid = :pid, started_at = :started_at, tried_at = coalesce(:tried_at, tried_at),
    updated_at = :now, updated_by = :by
WHERE id = :id AND state = :expected;

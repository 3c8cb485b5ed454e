-- Compare and set: an attempt has one end.
UPDATE attempts
SET outcome = :outcome, failure_class = :failure_class, exit_status = :exit_status, step = :step,
    output = :output, evidence = :evidence, lease_id = NULL,
    finished_at = :at, updated_at = :now, updated_by = :by
WHERE id = :id AND outcome IS NULL;

-- Compare and set: an attempt ends only once, and only if the verdict considered its last report.
UPDATE attempts
SET outcome = :outcome, failure_class = :failure_class, exit_status = :exit_status, step = :step,
    output = :output, evidence = :evidence, lease_id = NULL,
    finished_at = :at, updated_at = :now, updated_by = :by
WHERE id = :id AND stage = :known_stage AND evidence = :known_evidence AND outcome IS NULL;

-- A report on an attempt that already has its outcome comes too late.
UPDATE attempts
SET evidence = :evidence, process_group = coalesce(:process_group, process_group),
    updated_at = :now, updated_by = :by
WHERE id = :id AND outcome IS NULL;

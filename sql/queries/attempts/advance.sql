-- Compare and set: only from the expected stage, only while the attempt is live.
UPDATE attempts
SET stage = :stage,
    typed_at = CASE WHEN :stage IN ('typed', 'submitted') THEN coalesce(typed_at, :at) ELSE typed_at END,
    submitted_at = CASE WHEN :stage = 'submitted' THEN :at ELSE submitted_at END,
    updated_at = :now, updated_by = :by
WHERE id = :id AND stage = :expected AND outcome IS NULL;

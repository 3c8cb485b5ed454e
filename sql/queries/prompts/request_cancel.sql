-- It runs: later passes end it.
UPDATE prompts SET cancel_requested_at = :now, updated_at = :now, updated_by = :by
WHERE id = :id AND status IN ('assigned', 'in_progress') AND cancel_requested_at IS NULL;

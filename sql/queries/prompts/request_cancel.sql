-- Later passes stop the prompt in its session.
UPDATE prompts SET cancel_requested_at = :now, updated_at = :now, updated_by = :by
WHERE id = :id AND status IN ('assigned', 'in_progress') AND cancel_requested_at IS NULL;

UPDATE sessions
SET resting_until = NULL, rest_reason = NULL, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name AND resting_until IS NOT NULL;

UPDATE sessions
SET resting_until = :until, rest_reason = :reason, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name;

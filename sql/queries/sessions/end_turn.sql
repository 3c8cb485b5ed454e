UPDATE sessions SET turn_ended_at = :at, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name AND coalesce(turn_ended_at, '') < :at;

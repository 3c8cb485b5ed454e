UPDATE sessions SET turn_began_at = :at, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name AND coalesce(turn_began_at, '') < :at;

-- The session's agent has started anew.
UPDATE sessions
SET turn_began_at = NULL, turn_ended_at = NULL, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name
  AND (turn_began_at IS NOT NULL OR turn_ended_at IS NOT NULL);

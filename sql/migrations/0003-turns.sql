-- When the last turn of a session's agent began and ended, as its hooks or its transcript reported:
-- its own turns, whoever submitted them.  Both are empty after the agent has started anew.

ALTER TABLE sessions ADD COLUMN turn_began_at TEXT;
ALTER TABLE sessions ADD COLUMN turn_ended_at TEXT;

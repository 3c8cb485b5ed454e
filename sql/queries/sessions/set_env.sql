-- The variables that prompts have exported in the session.
UPDATE sessions SET env_vars = :env_vars, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name;

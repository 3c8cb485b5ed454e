-- The variables that the prompt's shell exported.
UPDATE sessions SET env_vars = :env_vars, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name;

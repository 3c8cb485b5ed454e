-- A new process has no variables exported by prompts, and its empty prompt must be learned.
UPDATE sessions
SET starting = :starting, started_at = :now, quick_deaths = quick_deaths + 1, learn = 1,
    env_vars = '{}', updated_at = :now, updated_by = :by
WHERE id = :id;

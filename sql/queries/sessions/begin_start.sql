-- What it will run exports nothing yet, and how its prompt ends is to be learnt.
UPDATE sessions
SET starting = :starting, started_at = :now, quick_deaths = quick_deaths + 1, learn = 1,
    env_vars = '{}', updated_at = :now, updated_by = :by
WHERE id = :id;

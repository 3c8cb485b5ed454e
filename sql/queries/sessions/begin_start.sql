-- What it will run exports nothing yet, and how its prompt ends is to be learnt.
UPDATE sessions
SET start_file = :start_file, started_at = :now, failed_starts = failed_starts + 1, prompt_learning = 'on',
    env_vars = '{}', updated_at = :now, updated_by = :by
WHERE id = :id;

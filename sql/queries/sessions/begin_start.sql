-- A new process has no variables exported by prompts, and its empty prompt must be learned.
UPDATE sessions
SET start_file = :start_file, started_at = :now, failed_starts = failed_starts + 1, prompt_learning = 'on',
    env_vars = '{}', updated_at = :now, updated_by = :by
WHERE id = :id;

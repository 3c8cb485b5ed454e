-- The check that the prompt of a task has to pass, in the same columns as prompts have.
ALTER TABLE tasks ADD COLUMN check_command TEXT CHECK (check_command <> '');
ALTER TABLE tasks ADD COLUMN check_timeout_seconds REAL
    CHECK (check_timeout_seconds IS NULL
           OR (check_timeout_seconds > 0 AND check_command IS NOT NULL));

-- The goals database has recorded that the task has become a prompt.
UPDATE profile_work SET reported = 'in_progress' WHERE prompt_id = :prompt;

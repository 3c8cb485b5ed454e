-- The goals database has recorded that the task has become a prompt.
UPDATE foundation_work SET told = 'in_progress' WHERE prompt_id = :prompt;

-- A prompt that was not completed may run again.
SELECT DISTINCT secrets FROM prompts WHERE secrets IS NOT NULL AND status <> 'completed';

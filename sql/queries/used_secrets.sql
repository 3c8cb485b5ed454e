-- A prompt that was not completed may run again; an agent may be started again.
SELECT secrets FROM prompts WHERE secrets IS NOT NULL AND status <> 'completed'
UNION SELECT environment FROM sessions WHERE environment IS NOT NULL;

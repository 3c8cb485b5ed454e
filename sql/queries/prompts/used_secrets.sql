-- A prompt that is not completed or not approved may run again, and an agent may be restarted.
SELECT secrets FROM prompts
WHERE secrets IS NOT NULL AND (status <> 'completed' OR review = 'wanted')
UNION SELECT environment_file FROM sessions WHERE environment_file IS NOT NULL;

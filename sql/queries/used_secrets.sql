-- A prompt that was not completed, or is not approved, may run again.
SELECT DISTINCT secrets FROM prompts WHERE secrets IS NOT NULL AND (status <> 'completed' OR review = 'wanted');

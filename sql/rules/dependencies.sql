-- A pending prompt is held while a prompt that it depends on is not completed, or not approved:
-- otherwise a session could claim it.
SELECT DISTINCT 'prompt ' || p.id || ' depends on prompt ' || b.id || ', but is '
       || coalesce('held by ' || p.held_by, 'not held') AS wrong, p.id, 'hold' AS repair
FROM prompts p
JOIN dependencies d ON d.prompt_id = p.id
JOIN prompts b ON b.id = d.after_id
WHERE p.status = 'pending' AND (p.held_by IS NULL OR p.held_by <> 'dependency')
  AND (b.status <> 'completed' OR b.review = 'wanted');

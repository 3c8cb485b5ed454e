-- A prompt that depends on one not completed, or not approved, is held; else it could be claimed.
SELECT DISTINCT 'prompt ' || p.id || ' waits for prompt ' || b.id || ', and is ' ||
    coalesce('held by ' || p.held_by, 'free') AS wrong
FROM prompts p
JOIN dependencies d ON d.prompt_id = p.id
JOIN prompts b ON b.id = d.after_id
WHERE p.status = 'pending' AND (p.held_by IS NULL OR p.held_by <> 'dependency')
  AND (b.status <> 'completed' OR b.review = 'wanted');

-- Whether another session has completed a prompt in a directory since the attempt :first began.
SELECT 1 AS found FROM attempts a JOIN prompts p ON p.id = a.prompt_id
WHERE a.host = :host AND a.typed_at IS NOT NULL AND a.outcome = 'completed'
  AND a.finished_at > (SELECT b.claimed_at FROM attempts b WHERE b.id = :first)
  AND a.session <> :session AND p.working_dir IS :directory
LIMIT 1;

-- Whether the session has an open prompt from its profile, or one that can run only in it.
SELECT 1 AS n FROM profile_work AS w JOIN prompts AS p ON p.id = w.prompt_id
WHERE w.host = :host AND w.session = :session AND w.settled_at IS NULL
  AND (p.completed_at IS NULL OR p.retry_at IS NOT NULL)
UNION ALL
SELECT 1 FROM prompts
WHERE host = :host AND target_session = :session AND status = 'pending' AND held_by IS NULL
LIMIT 1;

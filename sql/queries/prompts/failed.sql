-- Failed prompts, the newest first, also those that a retry awaits.  One may have run unseen unless
-- the attempt for which it was last claimed shows how it ended, or it may run twice.
SELECT p.*, p.idempotent = 0 AND NOT EXISTS (
    SELECT 1 FROM attempts a
    WHERE a.prompt_id = p.id AND a.claimed_at = p.assigned_at AND a.outcome IN ('completed', 'failed')
) AS may_have_run
FROM prompts p WHERE p.status = 'failed' AND p.host = :host ORDER BY p.id DESC LIMIT :limit;

-- Failed prompts, the newest first, including those that await a retry.  may_have_run: the prompt may
-- have run unseen, because it is not safe to run twice and its last claimed attempt shows no end.
SELECT p.*, p.idempotent = 0 AND NOT EXISTS (
    SELECT 1 FROM attempts a
    WHERE a.prompt_id = p.id AND a.claimed_at = p.assigned_at AND a.outcome IN ('completed', 'failed')
) AS may_have_run
FROM prompts p WHERE p.status = 'failed' AND p.host = :host ORDER BY p.id DESC LIMIT :limit;

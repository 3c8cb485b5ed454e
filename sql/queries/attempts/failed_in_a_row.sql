-- The prompts that failed in a session since its attempt :first, the latest first, but for those that
-- failed in another session, too, and those whose own context was wrong.
SELECT a.prompt_id, p.working_dir FROM attempts a JOIN prompts p ON p.id = a.prompt_id
WHERE a.host = :host AND a.session = :session AND a.id >= :first
  AND (a.outcome = 'unverified'
       OR (a.outcome = 'failed' AND a.failure_class NOT IN ('auth', 'interrupted', 'context'))
       OR (a.failure_class = 'context' AND a.step LIKE 'prereq%'))
  AND NOT EXISTS (SELECT 1 FROM attempts b WHERE b.prompt_id = a.prompt_id
                  AND b.session <> :session AND b.outcome IN ('failed', 'unverified'))
ORDER BY a.id DESC LIMIT 50;

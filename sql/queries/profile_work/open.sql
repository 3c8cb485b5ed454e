-- Unsettled work from profiles, with the current state of its prompts.
SELECT w.*, p.status, p.retry_at AS prompt_retry_at, p.error, p.idempotent, p.priority, p.content,
       a.failure_class, a.stage, a.evidence
FROM profile_work AS w
LEFT JOIN prompts AS p ON p.id = w.prompt_id
LEFT JOIN attempts AS a ON a.prompt_id = w.prompt_id
     AND a.number = (SELECT max(number) FROM attempts WHERE prompt_id = w.prompt_id)
WHERE w.host = :host AND w.settled_at IS NULL
ORDER BY w.session, w.prompt_id;

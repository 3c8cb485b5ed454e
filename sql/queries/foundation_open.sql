-- What profiles have given and is not settled, with what has become of the prompts by now.
SELECT w.*, p.status, p.retry_at AS prompt_retry_at, p.error, p.idempotent, p.priority, p.content,
       (SELECT a.failure_class FROM attempts AS a WHERE a.prompt_id = w.prompt_id
        ORDER BY a.number DESC LIMIT 1) AS failure_class
FROM foundation_work AS w LEFT JOIN prompts AS p ON p.id = w.prompt_id
WHERE w.host = :host AND w.settled_at IS NULL
ORDER BY w.session, w.prompt_id;

-- When the last prompt of each session began to run.
SELECT s.name, coalesce(p.started_at, p.completed_at, p.updated_at) AS at
FROM sessions AS s JOIN prompts AS p ON p.id = s.last_task_id
WHERE s.host = :host;

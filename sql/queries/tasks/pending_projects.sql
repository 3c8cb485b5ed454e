-- The projects that have pending tasks: each found by one jump in the index tasks_pending, however
-- many tasks it has.
WITH RECURSIVE found (project) AS (
    SELECT min(project) FROM tasks WHERE status = 'pending'
    UNION ALL
    SELECT (SELECT min(t.project) FROM tasks t WHERE t.status = 'pending' AND t.project > found.project)
    FROM found WHERE found.project IS NOT NULL
)
SELECT project FROM found WHERE project IS NOT NULL;

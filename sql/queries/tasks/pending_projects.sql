-- The projects that have pending tasks: each found by one jump in the index tasks_pending, however
-- many tasks it has.
WITH RECURSIVE found (project) AS (
    SELECT (SELECT t.project FROM tasks t WHERE t.status = 'pending' AND t.project >= ''
            ORDER BY t.project LIMIT 1)
    UNION ALL
    SELECT (SELECT t.project FROM tasks t WHERE t.status = 'pending' AND t.project > found.project
            ORDER BY t.project LIMIT 1)
    FROM found WHERE found.project IS NOT NULL
)
SELECT project FROM found WHERE project IS NOT NULL;

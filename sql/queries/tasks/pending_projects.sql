-- The projects that have pending tasks.
SELECT DISTINCT project FROM tasks WHERE status = 'pending';

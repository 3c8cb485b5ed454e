-- Count work that a session got, or has finished.
INSERT INTO profiles (host, session, work_sessions, tasks_completed, tasks_failed)
VALUES (:host, :session, :begun, :completed, :failed)
ON CONFLICT (host, session) DO UPDATE
SET work_sessions = work_sessions + excluded.work_sessions,
    tasks_completed = tasks_completed + excluded.tasks_completed,
    tasks_failed = tasks_failed + excluded.tasks_failed,
    idle_count = CASE WHEN excluded.work_sessions > 0 THEN 0 ELSE idle_count END;

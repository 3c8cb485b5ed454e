-- The result of a check of a profile's session.
INSERT INTO profiles (host, session, pane, session_start, checked_at, idle_count)
VALUES (:host, :session, :pane, :session_start, :now, :idle_count)
ON CONFLICT (host, session) DO UPDATE
SET pane = excluded.pane, session_start = excluded.session_start,
    checked_at = excluded.checked_at, idle_count = excluded.idle_count;

INSERT INTO heartbeats (host, script, finished_at) VALUES (:host, :script, :now)
ON CONFLICT (host, script) DO UPDATE SET finished_at = excluded.finished_at;

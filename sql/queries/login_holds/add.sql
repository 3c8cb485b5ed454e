INSERT INTO login_holds (host, kind, name, reason, process, since)
VALUES (:host, :kind, :name, :reason, :process, :now)
ON CONFLICT (host, kind, name) DO UPDATE SET reason = excluded.reason, process = excluded.process;

INSERT INTO foundation_log (host, session, text, created_at) VALUES (:host, :session, :text, :now);

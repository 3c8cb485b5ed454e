INSERT INTO work_log_lines (host, session, text, created_at) VALUES (:host, :session, :text, :now);

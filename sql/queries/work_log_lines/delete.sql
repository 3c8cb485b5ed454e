DELETE FROM work_log_lines WHERE id = :id;

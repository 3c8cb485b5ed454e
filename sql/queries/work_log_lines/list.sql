-- Lines that no pass has written to the work logs yet.
SELECT id, session, text FROM work_log_lines WHERE host = :host ORDER BY session, id;

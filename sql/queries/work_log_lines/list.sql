-- Lines that are not yet written to work logs.
SELECT id, session, text FROM work_log_lines WHERE host = :host ORDER BY session, id;

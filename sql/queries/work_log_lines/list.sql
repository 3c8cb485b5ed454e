-- Lines that no pass has written to the work logs yet.
SELECT id, session, text FROM foundation_log WHERE host = :host ORDER BY session, id;

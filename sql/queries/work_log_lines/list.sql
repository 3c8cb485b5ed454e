-- Lines that are not yet written to work logs.
SELECT id, session, text FROM foundation_log WHERE host = :host ORDER BY session, id;

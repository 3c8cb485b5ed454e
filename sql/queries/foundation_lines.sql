-- Lines that are still to be written to work logs.
SELECT id, session, text FROM foundation_log WHERE host = :host ORDER BY session, id;

-- Lines that are still to be written to a work log.
SELECT id, text FROM foundation_log WHERE host = :host AND session = :session ORDER BY id;

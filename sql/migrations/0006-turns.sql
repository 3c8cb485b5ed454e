-- To decide whose a turn in a transcript is: the other attempts with the same text by that time.
CREATE INDEX attempts_typed ON attempts (host, finished_at) WHERE typed_at IS NOT NULL;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('attempts', 'attempts_typed', '1000000 1000000 1');
ANALYZE sqlite_schema;  -- loads the statistics

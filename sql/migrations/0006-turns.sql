-- Whose a turn is that was found in a transcript: who else had been given the same text by then.
CREATE INDEX attempts_typed ON attempts (host, finished_at) WHERE typed_at IS NOT NULL;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('attempts', 'attempts_typed', '1000000 1000000 1');
ANALYZE sqlite_schema;  -- reads it

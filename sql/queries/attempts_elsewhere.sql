-- The attempts that live on another host with the same state directory.
SELECT id FROM attempts WHERE host <> :host AND outcome IS NULL;

-- The live attempts of other hosts that use the same state directory.
SELECT id FROM attempts WHERE host <> :host AND outcome IS NULL;

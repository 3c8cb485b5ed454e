-- Where the clock was set back, what waits counts from now.
UPDATE attempts SET updated_at = :now
WHERE host = :host AND outcome IS NULL AND updated_at > :now;

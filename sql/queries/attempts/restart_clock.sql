-- The clock was set back: waiting times count from now.
UPDATE attempts SET updated_at = :now
WHERE host = :host AND outcome IS NULL AND updated_at > :now;

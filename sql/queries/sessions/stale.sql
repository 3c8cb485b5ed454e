-- Sessions that have been offline for long, that no prompt targets, that are not paused, and that no history refers to.
SELECT * FROM sessions s
WHERE host = :host AND status = 'offline' AND enrolled = 0 AND paused = 0 AND updated_at < :before
  AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.host = s.host AND a.session = s.name);

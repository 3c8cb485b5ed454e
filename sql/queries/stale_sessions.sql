-- Offline for long, not wanted by anybody, not paused for when it comes back, and without history that refers to them.
SELECT * FROM sessions s
WHERE host = :host AND status = 'offline' AND enrolled = 0 AND paused = 0 AND updated_at < :before
  AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.host = s.host AND a.session = s.name);

-- Whether a prompt was completed with an account since a time.
SELECT 1 AS found FROM attempts a JOIN sessions s ON s.host = a.host AND s.name = a.session
WHERE a.host = :host AND a.finished_at > :since AND a.typed_at IS NOT NULL
  AND a.outcome = 'completed' AND coalesce(s.account, s.provider) = :account
LIMIT 1;

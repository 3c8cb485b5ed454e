-- Another session of the account whose login has failed, and since when; the first one.
SELECT g.since FROM login_holds g JOIN sessions s ON s.host = g.host AND s.name = g.name
WHERE g.host = :host AND g.kind = 'session' AND g.name <> :session
  AND coalesce(s.account, s.provider) = :account
ORDER BY g.since LIMIT 1;

-- What was seen last counts: it may have been lifted, or come sooner than was stated.
INSERT INTO limits (host, account, until, reason, seen_at)
VALUES (:host, :account, :until, :reason, :now)
ON CONFLICT (host, account) DO UPDATE
SET until = excluded.until, reason = excluded.reason, seen_at = excluded.seen_at;

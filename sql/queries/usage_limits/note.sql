-- The latest observation counts: the limit may have been lifted, or end sooner than was stated.
INSERT INTO usage_limits (host, account, until, reason, seen_at)
VALUES (:host, :account, :until, :reason, :now)
ON CONFLICT (host, account) DO UPDATE
SET until = excluded.until, reason = excluded.reason, seen_at = excluded.seen_at;

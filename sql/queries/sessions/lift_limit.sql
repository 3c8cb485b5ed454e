-- A person says that an account's limit is over: old words on the screen count no longer.
UPDATE sessions SET limited_until = :now, updated_at = :now, updated_by = :by
WHERE host = :host AND coalesce(account, provider) = :account;

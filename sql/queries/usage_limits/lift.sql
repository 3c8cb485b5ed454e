-- A person says that the limit is over.
DELETE FROM usage_limits WHERE host = :host AND account = :account;

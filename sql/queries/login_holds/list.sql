-- The failed logins of this host.
SELECT * FROM login_holds WHERE host = :host ORDER BY kind, name;

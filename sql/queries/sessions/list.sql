-- Every session of this host.
SELECT * FROM sessions WHERE host = :host ORDER BY name;

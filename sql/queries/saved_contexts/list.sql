-- Every saved context of this host.
SELECT * FROM contexts WHERE host = :host ORDER BY name;

-- Every saved context of this host.
SELECT * FROM saved_contexts WHERE host = :host ORDER BY name;

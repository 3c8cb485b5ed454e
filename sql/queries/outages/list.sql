-- The providers of this host whose model could not be reached.
SELECT * FROM outages WHERE host = :host ORDER BY provider;

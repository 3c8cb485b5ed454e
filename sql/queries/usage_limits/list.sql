SELECT * FROM usage_limits WHERE host = :host;

SELECT * FROM limits WHERE host = :host;

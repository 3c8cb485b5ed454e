SELECT * FROM foundation WHERE host = :host;

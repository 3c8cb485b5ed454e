SELECT * FROM profiles WHERE host = :host;

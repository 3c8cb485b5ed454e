SELECT * FROM sessions WHERE host = :host AND name = :name;

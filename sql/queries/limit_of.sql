SELECT * FROM limits WHERE host = :host AND account = :account;

DELETE FROM contexts WHERE host = :host AND name = :name;

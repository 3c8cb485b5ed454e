SELECT * FROM saved_contexts WHERE host = :host AND name = :name;

DELETE FROM saved_contexts WHERE host = :host AND name = :name;

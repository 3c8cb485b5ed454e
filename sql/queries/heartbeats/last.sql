SELECT finished_at FROM heartbeats WHERE host = :host AND script = :script;

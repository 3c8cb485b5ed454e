DELETE FROM outages WHERE host = :host AND provider = :provider;

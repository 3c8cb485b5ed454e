DELETE FROM pauses WHERE host = :host AND provider = :provider;

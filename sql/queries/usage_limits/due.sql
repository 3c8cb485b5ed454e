SELECT account FROM usage_limits WHERE host = :host AND until <= :now;

SELECT account FROM limits WHERE host = :host AND until <= :now;

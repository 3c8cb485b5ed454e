DELETE FROM usage_limits WHERE host = :host AND account = :account AND until <= :now;

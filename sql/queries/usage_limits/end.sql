DELETE FROM limits WHERE host = :host AND account = :account AND until <= :now;

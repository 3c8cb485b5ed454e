SELECT * FROM leases WHERE host = :host AND tree = :tree;

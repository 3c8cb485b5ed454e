SELECT * FROM tree_leases WHERE host = :host AND tree = :tree;

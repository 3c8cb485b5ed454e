DELETE FROM login_holds WHERE host = :host AND kind = :kind AND name = :name;

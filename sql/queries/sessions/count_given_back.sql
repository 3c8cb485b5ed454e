UPDATE sessions SET given_back = given_back + 1, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name;

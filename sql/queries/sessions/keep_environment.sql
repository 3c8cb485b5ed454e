UPDATE sessions SET environment = :environment, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name;

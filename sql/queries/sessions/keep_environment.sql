UPDATE sessions SET environment_file = :environment_file, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name;

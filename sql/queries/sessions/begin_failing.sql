UPDATE sessions SET failing_from = coalesce(failing_from, :attempt), updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name;

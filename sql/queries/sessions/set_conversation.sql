UPDATE sessions SET conversation = :conversation, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name;

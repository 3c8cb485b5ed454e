SELECT provider, affinity FROM conversations
WHERE host = :host AND used_at < :before ORDER BY used_at LIMIT :limit;

DELETE FROM conversations
WHERE host = :host AND provider = :provider AND affinity = :affinity;

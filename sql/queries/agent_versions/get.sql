SELECT * FROM agent_versions
WHERE host = :host AND provider = :provider AND version = :version;

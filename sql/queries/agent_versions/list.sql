SELECT * FROM agent_versions WHERE host = :host ORDER BY provider, version;

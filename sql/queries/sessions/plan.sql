-- An agent's session is about to be created: the provider is known before its first screen.
INSERT INTO sessions (host, name, provider, provider_given, status, status_reason, updated_at, updated_by)
VALUES (:host, :name, :provider, 1, 'offline', 'about to be made', :now, :by)
ON CONFLICT (host, name) DO UPDATE
SET provider = excluded.provider, provider_given = 1, conversation = NULL, environment_file = NULL,
    failed_starts = 0, given_up_reason = NULL, updated_at = :now, updated_by = :by;

INSERT INTO agent_versions
    (host, provider, version, state, prompt_id, probation_until, unverified, reason, updated_at,
     updated_by)
VALUES
    (:host, :provider, :version, :state, :prompt_id, :probation_until, :unverified, :reason, :now, :by)
ON CONFLICT (host, provider, version) DO UPDATE
SET state = excluded.state, prompt_id = excluded.prompt_id,
    probation_until = excluded.probation_until, unverified = excluded.unverified,
    reason = excluded.reason, updated_at = excluded.updated_at, updated_by = excluded.updated_by;

INSERT INTO outages (host, provider, state, prompt_id, rests, resting_until, reason, since, updated_at, updated_by)
VALUES (:host, :provider, :state, :prompt_id, :rests, :resting_until, :reason, :now, :now, :by)
ON CONFLICT (host, provider) DO UPDATE
SET state = excluded.state, prompt_id = excluded.prompt_id, rests = excluded.rests,
    resting_until = excluded.resting_until, reason = excluded.reason, updated_at = :now, updated_by = :by;

UPDATE prompts
SET target_session = :session, target_provider = :provider, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'pending';

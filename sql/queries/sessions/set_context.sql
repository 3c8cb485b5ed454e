-- The directory, branch and variables of a session.
UPDATE sessions
SET current_dir = :current_dir, repository = :repository, git_branch = :git_branch,
    env_vars = coalesce(:env_vars, env_vars),
    context_hash = :context_hash, last_context_update = :now, updated_at = :now, updated_by = :by
WHERE id = :id;

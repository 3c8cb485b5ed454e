INSERT INTO saved_contexts (host, name, session, working_dir, git_branch, env_vars, saved_at, saved_by)
VALUES (:host, :name, :session, :working_dir, :git_branch, :env_vars, :now, :by)
ON CONFLICT (host, name) DO UPDATE
SET session = :session, working_dir = :working_dir, git_branch = :git_branch,
    env_vars = :env_vars, saved_at = :now, saved_by = :by;

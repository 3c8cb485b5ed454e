-- The result of a look at a pane.  A new process has no variables exported by prompts.
UPDATE sessions
SET provider = :provider, status = :status, status_reason = :status_reason, socket = :socket,
    server_pid = :server_pid, server_start = :server_start, pane_id = :pane_id,
    pane_pid = :pane_pid, pane_tty = :pane_tty,
    pane_fingerprint = :pane_fingerprint, looked_at = :looked_at,
    prompt_endings = :prompt_endings, prompt_learning = :prompt_learning, enrolled = :enrolled,
    environment_file = CASE WHEN pane_pid = :pane_pid OR current_task_id IS NOT NULL
                            OR keepalive = 1 THEN environment_file END,
    turn_began_at = CASE WHEN pane_pid = :pane_pid THEN turn_began_at END,
    turn_ended_at = CASE WHEN pane_pid = :pane_pid THEN turn_ended_at END,
    agent_version = :agent_version, agent_untested = :agent_untested,
    start_file = :start_file,
    env_vars = CASE WHEN pane_pid = :pane_pid THEN env_vars ELSE :env_vars END,
    limited_until = :limited_until, current_dir = :current_dir, last_activity = :last_activity,
    idle_since = :idle_since,
    updated_at = :now, updated_by = :by
WHERE id = :id;

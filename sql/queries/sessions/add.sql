-- Does nothing if another scan has added the session at the same time.
INSERT INTO sessions
    (host, name, provider, status, status_reason, enrolled, socket, server_pid, server_start,
     pane_id, pane_pid, pane_tty, pane_fingerprint, looked_at, prompt_endings, prompt_learning, limited_until, env_vars,
     agent_version, agent_untested,
     current_dir, last_activity, idle_since, updated_at, updated_by)
VALUES
    (:host, :name, :provider, :status, :status_reason, :enrolled, :socket, :server_pid,
     :server_start, :pane_id, :pane_pid, :pane_tty, :pane_fingerprint, :looked_at, :prompt_endings, :prompt_learning,
     :limited_until, :env_vars, :agent_version, :agent_untested, :current_dir, :last_activity, :idle_since, :now, :by)
ON CONFLICT DO NOTHING;

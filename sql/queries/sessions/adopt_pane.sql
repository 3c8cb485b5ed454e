-- A pass restarted the session's agent: another process in the same pane.
UPDATE sessions SET pane_pid = :pane_pid, env_vars = :env_vars, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name;

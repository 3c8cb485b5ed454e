-- Every attempt of this host without an outcome, with its prompt and its session's pane.
SELECT a.*, p.content, p.working_dir, p.git_branch, p.worktree, p.env_vars, p.secrets, p.prerequisites,
       p.metadata, p.validate_context, p.timeout_seconds, p.cancel_requested_at, p.status,
       p.attempts, p.max_attempts, p.idempotent, p.priority, p.raw, p.affinity, p.sentinel,
       p.check_command, p.check_timeout_seconds, p.feedback,
       c.state AS check_state, c.pending_result AS check_pending_result, c.directory AS check_directory,
       c.seconds AS check_seconds, c.pid AS check_pid, c.tried_at AS check_tried_at,
       c.wanted_at AS check_wanted_at, c.started_at AS check_started_at,
       s.status AS session_status, s.status_reason, s.provider, s.command, s.pane_tty,
       s.account, s.respawn, s.auto_approve, s.conversation, s.resume_conversation, s.environment_file, s.trusted_dirs,
       s.prompt_endings,
       CASE WHEN s.paused = 1 OR EXISTS (SELECT 1 FROM pauses x WHERE x.host = s.host
                                         AND x.provider IN ('', s.provider))
            THEN 1 ELSE 0 END AS paused,
       s.looked_at, s.env_vars AS session_env, s.current_dir AS session_dir,
       s.pane_id AS now_pane_id, s.pane_pid AS now_pane_pid, s.server_pid AS now_server_pid,
       s.server_start AS now_server_start, s.socket AS now_socket
FROM attempts a
JOIN prompts p ON p.id = a.prompt_id
JOIN sessions s ON s.host = a.host AND s.name = a.session
LEFT JOIN checks c ON c.id = a.id
WHERE a.host = :host AND a.outcome IS NULL
ORDER BY a.id;

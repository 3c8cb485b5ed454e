-- Rows of every table, with work in flight: what a test damages or repairs.  A test fills in @SOCKET@
-- and @LOG@, and writes the rows with the triggers taken away.

INSERT INTO attempts (id, prompt_id, host, session, number, stage, outcome, exit_status, evidence, socket, server_pid, server_start, pane_id, pane_pid, claimed_at, typed_at, submitted_at, finished_at, updated_at, updated_by)
    VALUES (1, 1, 'here', 'lost', 1, 'submitted', 'completed', 0, '{}', '@SOCKET@', 999999999, 1767322000, '%9', 999999998, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test');
INSERT INTO attempts (id, prompt_id, host, session, number, stage, outcome, failure_class, exit_status, evidence, socket, server_pid, server_start, pane_id, pane_pid, claimed_at, typed_at, submitted_at, finished_at, updated_at, updated_by)
    VALUES (4, 4, 'here', 'lost', 1, 'submitted', 'failed', 'exit_status', 3, '{}', '@SOCKET@', 999999999, 1767322000, '%9', 999999998, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test');
INSERT INTO attempts (id, prompt_id, host, session, number, stage, outcome, failure_class, exit_status, evidence, socket, server_pid, server_start, pane_id, pane_pid, claimed_at, typed_at, submitted_at, finished_at, updated_at, updated_by)
    VALUES (5, 5, 'here', 'lost', 1, 'submitted', 'failed', 'exit_status', 3, '{}', '@SOCKET@', 999999999, 1767322000, '%9', 999999998, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test');
INSERT INTO attempts (id, prompt_id, host, session, number, stage, evidence, socket, server_pid, server_start, pane_id, pane_pid, claimed_at, updated_at, updated_by)
    VALUES (6, 6, 'here', 'gone', 1, 'claimed', '{}', '@SOCKET@', 999999999, 1767322000, '%8', 999999998, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test');
INSERT INTO attempts (id, prompt_id, host, session, number, stage, evidence, socket, server_pid, server_start, pane_id, pane_pid, claimed_at, typed_at, submitted_at, updated_at, updated_by)
    VALUES (7, 7, 'here', 'lost', 1, 'submitted', '{"reports": {"begun": {"at": "2026-01-02T03:04:05.000Z"}, "started": {"at": "2026-01-02T03:04:05.000Z"}}}', '@SOCKET@', 999999999, 1767322000, '%9', 999999998, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test');
INSERT INTO checks (id, state, command, directory, seconds, pending_result, pid, wanted_at, started_at, updated_at, updated_by)
    VALUES (7, 'running', 'true', '/', 60.0, '{"exit_status": 0, "response": null, "output": "",
        "evidence": {}}', 999999997, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test');
INSERT INTO saved_contexts (host, name, session, working_dir, env_vars, saved_at, saved_by)
    VALUES ('here', 'home', 'lost', '/', '{}', '2026-01-02T03:04:05.000Z', 'test');
INSERT INTO conversations (host, provider, affinity, conversation, used_at)
    VALUES ('here', 'codex', 'mine', 'abc', '2026-01-02T03:04:05.000Z');
INSERT INTO dependencies (prompt_id, after_id)
    VALUES (13, 1);
INSERT INTO dependencies (prompt_id, after_id)
    VALUES (3, 2);
INSERT INTO profiles (host, session, checked_at, idle_count, work_sessions, tasks_completed, tasks_failed)
    VALUES ('here', 'lost', '2026-01-02T03:04:05.000Z', 0, 0, 0, 0);
INSERT INTO profile_work (prompt_id, host, session, kind, title, foreign_task, assigned_at)
    VALUES (2, 'here', 'lost', 'given', 'echo', 0, '2026-01-02T03:04:05.000Z');
INSERT INTO usage_limits (host, account, until, reason, seen_at)
    VALUES ('here', 'shell', '2020-01-02T03:04:05.000Z', 'said so', '2026-01-02T03:04:05.000Z');
INSERT INTO pauses (host, provider, paused_at, paused_by)
    VALUES ('here', 'command', '2026-01-02T03:04:05.000Z', 'test');
INSERT INTO prompts (id, host, content, priority, status, assigned_session, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, assigned_at, started_at, completed_at, updated_at, updated_by, tags, worktree, raw, sentinel, review)
    VALUES (1, 'here', 'echo 1 >>@LOG@', 0, 'completed', 'lost', '{}', '{}', '[]', 1, 1, 1, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '[]', 0, 0, 0, 'wanted');
INSERT INTO prompts (id, host, content, priority, status, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, updated_at, updated_by, tags, worktree, raw, sentinel)
    VALUES (2, 'here', 'echo 2 >>@LOG@', 0, 'pending', '{}', '{}', '[]', 1, 1, 0, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '[]', 0, 0, 0);
INSERT INTO prompts (id, host, content, priority, status, held_by, held_on, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, updated_at, updated_by, tags, worktree, raw, sentinel)
    VALUES (3, 'here', 'echo 3 >>@LOG@', 0, 'pending', 'dependency', 'prompt 2', '{}', '{}', '[]', 1, 1, 0, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '[]', 0, 0, 0);
INSERT INTO prompts (id, host, content, priority, status, assigned_session, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, assigned_at, started_at, completed_at, updated_at, updated_by, retry_at, tags, worktree, raw, sentinel)
    VALUES (4, 'here', 'echo 4 >>@LOG@', 0, 'failed', 'lost', '{}', '{}', '[]', 1, 1, 1, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '2020-01-02T03:04:05.000Z', '[]', 0, 0, 0);
INSERT INTO prompts (id, host, content, priority, status, assigned_session, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, assigned_at, started_at, completed_at, updated_at, updated_by, retry_at, tags, worktree, raw, sentinel)
    VALUES (5, 'here', 'echo 5 >>@LOG@', 0, 'failed', 'lost', '{}', '{}', '[]', 1, 1, 1, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '2199-01-02T03:04:05.000Z', '[]', 0, 0, 0);
INSERT INTO prompts (id, host, content, priority, status, assigned_session, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, assigned_at, updated_at, updated_by, tags, worktree, raw, sentinel)
    VALUES (6, 'here', 'echo 6 >>@LOG@', 0, 'assigned', 'gone', '{}', '{}', '[]', 1, 1, 1, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '[]', 0, 0, 0);
INSERT INTO prompts (id, host, content, priority, status, assigned_session, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, assigned_at, started_at, updated_at, updated_by, tags, worktree, raw, sentinel, check_command)
    VALUES (7, 'here', 'echo 7 >>@LOG@', 0, 'in_progress', 'lost', '{}', '{}', '[]', 1, 1, 1, 1, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '[]', 0, 0, 0, 'true');
INSERT INTO prompts (id, host, content, priority, status, held_by, held_on, target_session, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, updated_at, updated_by, tags, worktree, raw, sentinel)
    VALUES (8, 'here', 'echo 8 >>@LOG@', 0, 'pending', 'target missing', 'quiet', 'quiet', '{}', '{}', '[]', 1, 1, 0, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '[]', 0, 0, 0);
INSERT INTO prompts (id, host, content, priority, status, held_by, held_on, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, updated_at, updated_by, not_before, tags, worktree, raw, sentinel)
    VALUES (9, 'here', 'echo 9 >>@LOG@', 0, 'pending', 'time', '2020-01-02T03:04:05.000Z', '{}', '{}', '[]', 1, 1, 0, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '2020-01-02T03:04:05.000Z', '[]', 0, 0, 0);
INSERT INTO prompts (id, host, content, priority, status, held_by, held_on, target_provider, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, updated_at, updated_by, tags, worktree, raw, sentinel)
    VALUES (10, 'here', 'echo 10 >>@LOG@', 0, 'pending', 'pause', 'command', 'command', '{}', '{}', '[]', 1, 1, 0, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '[]', 0, 0, 0);
INSERT INTO prompts (id, host, content, priority, status, held_by, held_on, target_provider, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, updated_at, updated_by, tags, worktree, raw, sentinel)
    VALUES (11, 'here', 'echo 11 >>@LOG@', 0, 'pending', 'limit', 'shell', 'shell', '{}', '{}', '[]', 1, 1, 0, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '[]', 0, 0, 0);
INSERT INTO prompts (id, host, content, priority, status, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, updated_at, updated_by, tags, worktree, raw, sentinel, check_command)
    VALUES (12, 'here', 'echo 12 >>@LOG@', 0, 'pending', '{}', '{}', '[]', 1, 1, 0, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '[]', 0, 0, 0, 'echo 12 checked >>@LOG@');
INSERT INTO prompts (id, host, content, priority, status, held_by, held_on, metadata, env_vars, prerequisites, prefer_context_match, validate_context, attempts, max_attempts, idempotent, created_at, ready_at, updated_at, updated_by, tags, worktree, raw, sentinel)
    VALUES (13, 'here', 'echo 13 >>@LOG@', 0, 'pending', 'dependency', 'prompt 1 awaits a review', '{}', '{}', '[]', 1, 1, 0, 3, 0, '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', '[]', 0, 0, 0);
INSERT INTO sessions (id, host, name, provider, status, enrolled, paused, socket, server_pid, server_start, pane_id, pane_pid, looked_at, prompt_endings, prompt_learning, current_dir, env_vars, current_task_id, updated_at, updated_by, opted_out, provider_given, respawn, auto_approve, resume_conversation, trusted_dirs, keepalive, failed_starts)
    VALUES (1, 'here', 'lost', 'shell', 'busy', 1, 0, '@SOCKET@', 999999999, 1767322000, '%9', 999999998, '2026-01-02T03:04:05.000Z', '[]', 'off', '/', '{}', 7, '2026-01-02T03:04:05.000Z', 'test', 0, 0, 0, 0, 0, '[]', 0, 0);
INSERT INTO sessions (id, host, name, provider, status, enrolled, paused, socket, server_pid, server_start, pane_id, pane_pid, looked_at, prompt_endings, prompt_learning, current_dir, env_vars, idle_since, current_task_id, updated_at, updated_by, opted_out, provider_given, respawn, auto_approve, resume_conversation, trusted_dirs, keepalive, failed_starts)
    VALUES (2, 'here', 'gone', 'shell', 'idle', 1, 0, '@SOCKET@', 999999999, 1767322000, '%8', 999999998, '2026-01-02T03:04:05.000Z', '[]', 'off', '/', '{}', '2026-01-02T03:04:05.000Z', 6, '2026-01-02T03:04:05.000Z', 'test', 0, 0, 0, 0, 0, '[]', 0, 0);
INSERT INTO sessions (id, host, name, provider, status, enrolled, paused, prompt_endings, prompt_learning, env_vars, updated_at, updated_by, opted_out, provider_given, respawn, auto_approve, resume_conversation, trusted_dirs, keepalive, failed_starts)
    VALUES (3, 'here', 'quiet', 'shell', 'offline', 1, 1, '[]', 'off', '{}', '2026-01-02T03:04:05.000Z', 'test', 0, 0, 0, 0, 0, '[]', 0, 0);
INSERT INTO task_events (id, session, type, data, created_at)
    VALUES (1, 'lost', 'session.idle', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, session, type, data, created_at)
    VALUES (2, 'gone', 'session.idle', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, session, type, data, created_at)
    VALUES (3, 'quiet', 'session.offline', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (4, 1, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (5, 2, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (6, 3, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (7, 4, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (8, 5, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (9, 6, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (10, 7, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (11, 8, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (12, 9, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (13, 1, 1, 'lost', 'attempt.claimed', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (14, 1, 'lost', 'prompt.assigned', '{"from": "pending", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (15, 1, 1, 'lost', 'attempt.submitted', '{"from": "claimed", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (16, 1, 'lost', 'prompt.in_progress', '{"from": "assigned", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (17, 1, 1, 'lost', 'attempt.completed', '{"from": "submitted", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (18, 1, 'lost', 'prompt.completed', '{"from": "in_progress", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (19, 4, 4, 'lost', 'attempt.claimed', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (20, 4, 'lost', 'prompt.assigned', '{"from": "pending", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (21, 4, 4, 'lost', 'attempt.submitted', '{"from": "claimed", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (22, 4, 'lost', 'prompt.in_progress', '{"from": "assigned", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (23, 4, 4, 'lost', 'attempt.failed', '{"from": "submitted", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (24, 4, 'lost', 'prompt.failed', '{"from": "in_progress", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (25, 5, 5, 'lost', 'attempt.claimed', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (26, 5, 'lost', 'prompt.assigned', '{"from": "pending", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (27, 5, 5, 'lost', 'attempt.submitted', '{"from": "claimed", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (28, 5, 'lost', 'prompt.in_progress', '{"from": "assigned", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (29, 5, 5, 'lost', 'attempt.failed', '{"from": "submitted", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (30, 5, 'lost', 'prompt.failed', '{"from": "in_progress", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (31, 6, 6, 'gone', 'attempt.claimed', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (32, 6, 'gone', 'prompt.assigned', '{"from": "pending", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (33, 7, 7, 'lost', 'attempt.claimed', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (34, 7, 'lost', 'prompt.assigned', '{"from": "pending", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (35, 7, 7, 'lost', 'attempt.submitted', '{"from": "claimed", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (36, 7, 'lost', 'prompt.in_progress', '{"from": "assigned", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, session, type, data, created_at)
    VALUES (37, 7, 'lost', 'session.busy', '{"from": "idle", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (38, 10, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (39, 11, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (40, 12, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, type, data, created_at)
    VALUES (41, 13, 'prompt.pending', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (42, 7, 7, 'lost', 'check.wanted', '{"by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (43, 7, 7, 'lost', 'check.starting', '{"from": "wanted", "by": "test"}', '2026-01-02T03:04:05.000Z');
INSERT INTO task_events (id, prompt_id, attempt_id, session, type, data, created_at)
    VALUES (44, 7, 7, 'lost', 'check.running', '{"from": "starting", "by": "test"}', '2026-01-02T03:04:05.000Z');

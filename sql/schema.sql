-- Generated from sql/migrations by `make schema`: do not edit.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE sessions (
    id                  INTEGER PRIMARY KEY,
    host                TEXT NOT NULL,
    name                TEXT NOT NULL,
    provider            TEXT,
    provider_given      INTEGER NOT NULL DEFAULT 0  -- a person named it; else the screen decides
        CHECK (provider_given IN (0, 1)),
    account             TEXT,               -- whose usage limit counts; without one the provider's
    command             TEXT,               -- one-shot: reads the prompt on standard input
    status              TEXT NOT NULL CHECK (status IN
        ('idle', 'busy', 'waiting', 'limited', 'occupied', 'unknown', 'offline')),
    status_reason       TEXT,
    enrolled            INTEGER NOT NULL DEFAULT 0 CHECK (enrolled IN (0, 1)),
    opted_out           INTEGER NOT NULL DEFAULT 0  -- a person removed it: no pattern enrolls it
        CHECK (opted_out = 0 OR (opted_out = 1 AND enrolled = 0)),
    paused              INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    paused_at           TEXT,
    paused_by           TEXT,
    -- identity of the pane: a restarted tmux server hands out %0 again
    socket              TEXT,
    server_pid          INTEGER,
    server_start        INTEGER,
    pane_id             TEXT,
    pane_pid            INTEGER,
    pane_tty            TEXT,
    pane_fingerprint    TEXT,               -- of the last look: an unchanged pane is not read again
    looked_at           TEXT,
    prompt_endings      TEXT NOT NULL DEFAULT '[]', -- how an empty prompt of this session ends
    prompt_learning     TEXT NOT NULL DEFAULT 'off' -- 'after run': the next prompt follows a run
        CHECK (prompt_learning IN ('off', 'on', 'after run')),
    -- context
    current_dir         TEXT,
    repository          TEXT,
    git_branch          TEXT,
    env_vars            TEXT NOT NULL DEFAULT '{}', -- exported by prompts; a secret's value is null
    context_hash        TEXT,
    last_context_update TEXT,
    last_activity       TEXT,
    idle_since          TEXT,
    current_task_id     INTEGER,
    last_task_id        INTEGER,
    limited_until       TEXT,
    conversation        TEXT,               -- of its agent, as the agent's hooks report it
    -- starting its agent again
    respawn             INTEGER NOT NULL DEFAULT 0  -- may be restarted in the context of a prompt
        CHECK (respawn IN (0, 1)),
    auto_approve        INTEGER NOT NULL DEFAULT 0  -- is then started with leave to act unasked
        CHECK (auto_approve IN (0, 1)),
    resume_conversation INTEGER NOT NULL DEFAULT 0  -- then goes on with its conversation
        CHECK (resume_conversation IN (0, 1)),
    environment_file    TEXT,               -- name of the file: variables of the first start
    trusted_dirs        TEXT NOT NULL DEFAULT '[]', -- that its agent trusts, with all below
    keepalive           INTEGER NOT NULL DEFAULT 0  -- is started again when it has died
        CHECK (keepalive IN (0, 1)),
    start_dir           TEXT,
    start_command       TEXT,               -- the line to type, where the pane had a shell
    start_file          TEXT,               -- of a start under way, until the new program is seen
    started_at          TEXT,
    failed_starts       INTEGER NOT NULL DEFAULT 0, -- in a row
    given_up_reason     TEXT,               -- why keepalive starts it no more
    stuck_reported_for  TEXT,               -- the last sign of life that was reported as stuck
    updated_at          TEXT NOT NULL,
    updated_by          TEXT NOT NULL, resting_until TEXT, rest_reason TEXT
    CHECK ((rest_reason IS NULL) = (resting_until IS NULL)), given_back INTEGER NOT NULL DEFAULT 0 CHECK (given_back >= 0), turn_began_at TEXT, turn_ended_at TEXT, agent_version TEXT, agent_untested INTEGER NOT NULL DEFAULT 0 -- newer than recorded
    CHECK (agent_untested IN (0, 1)), failing_from INTEGER,
    UNIQUE (host, name),
    CHECK (status = 'offline' OR pane_id IS NOT NULL),
    CHECK ((status = 'idle') = (idle_since IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX sessions_pane ON sessions (host, socket, server_pid, server_start, pane_id)
    WHERE status <> 'offline';

CREATE INDEX sessions_ready ON sessions (host, name)
    WHERE status = 'idle' AND enrolled = 1 AND paused = 0;

CREATE INDEX sessions_environment ON sessions (environment_file)
    WHERE environment_file IS NOT NULL;

CREATE TABLE prompts (
    id                    INTEGER PRIMARY KEY AUTOINCREMENT,
    host                  TEXT NOT NULL,
    content               TEXT NOT NULL CHECK (content <> ''),
    priority              INTEGER NOT NULL DEFAULT 0,
    status                TEXT NOT NULL DEFAULT 'pending',  -- changes along prompt_transitions
    held_by               TEXT CHECK (held_by IS NULL OR held_by IN
        ('dependency', 'time', 'target missing', 'tree in use', 'limit', 'pause',
         'login', 'rest', 'outage', 'quota', 'untested', 'caller', 'affinity', 'load', 'consent',
         'host')),
    held_on               TEXT,             -- the prompt, time, session, tree ... that it waits for
    target_session        TEXT,
    target_provider       TEXT,
    assigned_session      TEXT,
    metadata              TEXT NOT NULL DEFAULT '{}',
    working_dir           TEXT CHECK (working_dir LIKE '/%'),
    git_branch            TEXT,
    worktree              INTEGER NOT NULL DEFAULT 0        -- runs in a working tree of its own
        CHECK (worktree = 0 OR (worktree = 1 AND git_branch IS NOT NULL)),
    env_vars              TEXT NOT NULL DEFAULT '{}',
    secrets               TEXT,             -- name of the file with the null values of env_vars
    prerequisites         TEXT NOT NULL DEFAULT '[]',
    prefer_context_match  INTEGER NOT NULL DEFAULT 1 CHECK (prefer_context_match IN (0, 1)),
    validate_context      INTEGER NOT NULL DEFAULT 1 CHECK (validate_context IN (0, 1)),
    min_score             INTEGER,
    raw                   INTEGER NOT NULL DEFAULT 0        -- typed as given, even agents' commands
        CHECK (raw IN (0, 1)),
    sentinel              INTEGER NOT NULL DEFAULT 0        -- the agent must write that it is done
        CHECK (sentinel IN (0, 1)),
    attempts              INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts          INTEGER NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
    idempotent            INTEGER NOT NULL DEFAULT 0 CHECK (idempotent IN (0, 1)),
    timeout_seconds       REAL CHECK (timeout_seconds > 0),
    check_command         TEXT CHECK (check_command <> ''), -- decides about completed work
    check_timeout_seconds REAL
        CHECK (check_timeout_seconds IS NULL
               OR (check_timeout_seconds > 0 AND check_command IS NOT NULL)),
    review                TEXT              -- by a person, before dependent prompts run
        CHECK (review = 'wanted' OR (review = 'approved' AND status = 'completed')),
    feedback              TEXT,             -- for the next attempt: from a check or a review
    error                 TEXT,
    exit_status           INTEGER,
    response              TEXT,
    created_at            TEXT NOT NULL,
    ready_at              TEXT NOT NULL,    -- since when it could have run: pending and not held
    assigned_at           TEXT,
    started_at            TEXT,
    completed_at          TEXT,
    updated_at            TEXT NOT NULL,
    updated_by            TEXT NOT NULL,
    not_before            TEXT,
    deadline              TEXT,
    retry_at              TEXT,             -- of a failed prompt that is tried again
    cancel_requested_at   TEXT,
    parent_id             INTEGER REFERENCES prompts (id) ON DELETE SET NULL,
    affinity              TEXT,
    tags                  TEXT NOT NULL DEFAULT '[]',
    dedup_key             TEXT,
    CHECK (held_by IS NULL OR status = 'pending'),
    CHECK (retry_at IS NULL OR status = 'failed'),
    CHECK (cancel_requested_at IS NULL OR status IN ('assigned', 'in_progress', 'cancelled')),
    CHECK (status NOT IN ('assigned', 'in_progress') OR assigned_session IS NOT NULL),
    CHECK ((status IN ('pending', 'assigned', 'in_progress') AND completed_at IS NULL)
        OR (status IN ('completed', 'failed', 'cancelled') AND completed_at IS NOT NULL))
) STRICT;

CREATE TABLE sqlite_sequence(name,seq);

CREATE INDEX prompts_ready ON prompts
    (host, target_session, target_provider, priority DESC, created_at, id)
    WHERE status = 'pending' AND held_by IS NULL;

CREATE INDEX prompts_open ON prompts (priority DESC, created_at, id)
    WHERE completed_at IS NULL;

CREATE INDEX prompts_held ON prompts (host, held_by, held_on) WHERE held_by IS NOT NULL;

CREATE INDEX prompts_retry ON prompts (host, retry_at) WHERE retry_at IS NOT NULL;

CREATE INDEX prompts_status ON prompts (status, id);

CREATE INDEX prompts_review ON prompts (host, completed_at) WHERE review = 'wanted';

CREATE UNIQUE INDEX prompts_dedup_key ON prompts (dedup_key) WHERE dedup_key IS NOT NULL;

CREATE INDEX prompts_secrets ON prompts (secrets) WHERE secrets IS NOT NULL;

CREATE INDEX prompts_ended ON prompts (completed_at) WHERE completed_at IS NOT NULL;

CREATE INDEX prompts_parent ON prompts (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE dependencies (
    prompt_id INTEGER NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
    after_id  INTEGER NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
    PRIMARY KEY (prompt_id, after_id),
    CHECK (after_id < prompt_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX dependencies_after ON dependencies (after_id);

CREATE TABLE tree_leases (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    host     TEXT NOT NULL,
    tree     TEXT NOT NULL,
    branch   TEXT,
    taken_at TEXT NOT NULL,
    UNIQUE (host, tree)
) STRICT;

CREATE TABLE attempts (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id      INTEGER NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
    host           TEXT NOT NULL,
    session        TEXT NOT NULL,
    number         INTEGER NOT NULL CHECK (number > 0),
    stage          TEXT NOT NULL DEFAULT 'claimed' CHECK (stage IN
        ('claimed', 'preparing', 'prepared', 'typing', 'typed', 'submitted')),
    outcome        TEXT CHECK (outcome IN
        ('completed', 'failed', 'cancelled', 'released', 'unverified', 'limited')),
    failure_class  TEXT CHECK (failure_class IN
        ('context', 'exit_status', 'api', 'auth', 'interrupted', 'lost', 'timeout',
         'not_accepted', 'check', 'deadline')),
    exit_status    INTEGER,
    step           TEXT,                    -- the step of the context that failed
    score          INTEGER,
    context_switch INTEGER CHECK (context_switch IN (0, 1)),
    evidence       TEXT NOT NULL DEFAULT '{}',
    output         TEXT,
    lease_id       INTEGER REFERENCES tree_leases (id),
    -- the pane that was claimed
    socket         TEXT NOT NULL,
    server_pid     INTEGER NOT NULL,
    server_start   INTEGER NOT NULL,
    pane_id        TEXT NOT NULL,
    pane_pid       INTEGER NOT NULL,
    process_group  INTEGER,                 -- of the prompt, as its shell reported it
    stop_reason    TEXT CHECK (stop_reason IN ('cancel', 'timeout', 'interrupted')),
    stop_signal    TEXT CHECK (stop_signal IN ('INT', 'TERM', 'KILL')),
    stop_signal_at TEXT,
    claimed_at     TEXT NOT NULL,
    typed_at       TEXT,
    submitted_at   TEXT,
    finished_at    TEXT,
    updated_at     TEXT NOT NULL,
    updated_by     TEXT NOT NULL, agent_version TEXT,
    UNIQUE (prompt_id, number),
    FOREIGN KEY (host, session) REFERENCES sessions (host, name),
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK ((outcome IS 'failed') = (failure_class IS NOT NULL)),
    CHECK (outcome IS NULL OR lease_id IS NULL),
    CHECK (stage NOT IN ('typed', 'submitted') OR typed_at IS NOT NULL),
    CHECK (stage <> 'submitted' OR submitted_at IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX attempts_one_per_prompt ON attempts (prompt_id) WHERE outcome IS NULL;

CREATE UNIQUE INDEX attempts_one_per_session ON attempts (host, session) WHERE outcome IS NULL;

CREATE INDEX attempts_lease ON attempts (lease_id) WHERE lease_id IS NOT NULL;

CREATE INDEX attempts_session ON attempts (host, session, id);

CREATE INDEX attempts_output ON attempts (finished_at) WHERE output IS NOT NULL;

CREATE INDEX attempts_typed ON attempts (host, finished_at) WHERE typed_at IS NOT NULL;

CREATE TABLE checks (
    id             INTEGER PRIMARY KEY REFERENCES attempts (id) ON DELETE CASCADE,
    state          TEXT NOT NULL DEFAULT 'wanted' CHECK (state IN
        ('wanted', 'starting', 'running', 'passed', 'failed', 'cancelled')),
    command        TEXT NOT NULL,
    directory      TEXT NOT NULL CHECK (directory LIKE '/%'),
    seconds        REAL NOT NULL CHECK (seconds > 0),
    pending_result TEXT,                    -- of the prompt's own work, until the check has ended
    pid            INTEGER,                 -- of the check's runner, as it reported
    exit_status    INTEGER,
    reason         TEXT,                    -- why it failed
    output         TEXT,
    wanted_at      TEXT NOT NULL,
    tried_at       TEXT,                    -- when tmux was asked last
    started_at     TEXT,
    ended_at       TEXT,
    updated_at     TEXT NOT NULL,
    updated_by     TEXT NOT NULL,
    CHECK ((state IN ('passed', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (pending_result IS NOT NULL)),
    CHECK (state NOT IN ('running', 'passed') OR (started_at IS NOT NULL AND pid IS NOT NULL)),
    CHECK (state NOT IN ('wanted', 'starting') OR (started_at IS NULL AND pid IS NULL)),
    CHECK (state <> 'passed' OR exit_status IS 0),
    CHECK ((state = 'failed') = (reason IS NOT NULL))
) STRICT;

CREATE INDEX checks_output ON checks (ended_at) WHERE output IS NOT NULL;

CREATE TABLE event_types (
    type TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE task_events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id  INTEGER,
    attempt_id INTEGER,
    session    TEXT,
    type       TEXT NOT NULL REFERENCES event_types (type),
    data       TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL
) STRICT;

CREATE INDEX task_events_prompt ON task_events (prompt_id, id);

CREATE INDEX task_events_attempt ON task_events (attempt_id, type) WHERE attempt_id IS NOT NULL;

CREATE INDEX task_events_created ON task_events (created_at);

CREATE TABLE prompt_counts (
    host    TEXT NOT NULL,
    status  TEXT NOT NULL,
    prompts INTEGER NOT NULL,
    PRIMARY KEY (host, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE heartbeats (
    host        TEXT NOT NULL,
    script      TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    PRIMARY KEY (host, script)
) STRICT, WITHOUT ROWID;

CREATE TABLE pauses (
    host      TEXT NOT NULL,
    provider  TEXT NOT NULL DEFAULT '',
    paused_at TEXT NOT NULL,
    paused_by TEXT NOT NULL,
    PRIMARY KEY (host, provider)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_limits (
    host    TEXT NOT NULL,
    account TEXT NOT NULL,
    until   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (host, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE saved_contexts (
    host        TEXT NOT NULL,
    name        TEXT NOT NULL,
    session     TEXT NOT NULL,              -- from which it was saved
    working_dir TEXT CHECK (working_dir LIKE '/%'),
    git_branch  TEXT,
    env_vars    TEXT NOT NULL DEFAULT '{}', -- a secret's value is null
    saved_at    TEXT NOT NULL,
    saved_by    TEXT NOT NULL,
    PRIMARY KEY (host, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    host         TEXT NOT NULL,
    provider     TEXT NOT NULL,
    affinity     TEXT NOT NULL,
    conversation TEXT NOT NULL,
    used_at      TEXT NOT NULL,
    PRIMARY KEY (host, provider, affinity)
) STRICT, WITHOUT ROWID;

CREATE INDEX conversations_used ON conversations (used_at);

CREATE TABLE profiles (
    host            TEXT NOT NULL,
    session         TEXT NOT NULL,
    pane            TEXT,                   -- another pane is another session
    session_start   TEXT,
    checked_at      TEXT,
    idle_count      INTEGER NOT NULL DEFAULT 0,
    work_sessions   INTEGER NOT NULL DEFAULT 0,
    tasks_completed INTEGER NOT NULL DEFAULT 0,
    tasks_failed    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (host, session)
) STRICT, WITHOUT ROWID;

CREATE TABLE profile_work (
    prompt_id    INTEGER PRIMARY KEY,
    host         TEXT NOT NULL,
    session      TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('goal', 'given', 'general')),
    title        TEXT NOT NULL,
    goals        TEXT,
    task         TEXT,
    number       INTEGER,
    tries_left   INTEGER,
    foreign_task INTEGER NOT NULL DEFAULT 0 CHECK (foreign_task IN (0, 1)),
    reported     TEXT CHECK (reported IN ('again', 'in_progress')),
    outcome      TEXT,                      -- of a prompt that was deleted before it was settled
    retry_at     TEXT,                      -- the task is left alone until then
    assigned_at  TEXT NOT NULL,
    settled_at   TEXT,
    CHECK ((kind = 'goal') = (task IS NOT NULL AND goals IS NOT NULL AND number IS NOT NULL))
) STRICT;

CREATE INDEX profile_work_open ON profile_work (host, session) WHERE settled_at IS NULL;

CREATE INDEX profile_work_given ON profile_work (host, session, assigned_at);

CREATE UNIQUE INDEX profile_work_task ON profile_work (goals, task, number)
    WHERE goals IS NOT NULL;

CREATE INDEX profile_work_retry ON profile_work (goals, retry_at) WHERE retry_at IS NOT NULL;

CREATE TABLE work_log_lines (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    host       TEXT NOT NULL,
    session    TEXT NOT NULL,
    text       TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

CREATE INDEX work_log_lines_session ON work_log_lines (host, session);

CREATE TABLE prompt_transitions (
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (old, new)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER prompts_transition BEFORE UPDATE OF status ON prompts
WHEN OLD.status <> NEW.status AND NOT EXISTS
    (SELECT 1 FROM prompt_transitions WHERE old = OLD.status AND new = NEW.status)
BEGIN SELECT RAISE(ABORT, 'a prompt cannot change its status like this'); END;

CREATE TRIGGER prompts_assigned BEFORE UPDATE OF status ON prompts
WHEN (NEW.status IN ('assigned', 'in_progress')) <> EXISTS
    (SELECT 1 FROM attempts WHERE prompt_id = NEW.id AND outcome IS NULL)
BEGIN SELECT RAISE(ABORT, 'a prompt is assigned exactly while it has a live attempt'); END;

CREATE TRIGGER prompts_rejected BEFORE UPDATE OF status ON prompts
WHEN OLD.status = 'completed' AND NEW.status = 'pending' AND OLD.review IS NOT 'wanted'
BEGIN SELECT RAISE(ABORT, 'only what awaits a review can be rejected'); END;

CREATE TRIGGER attempts_finished BEFORE UPDATE ON attempts
WHEN OLD.outcome IS NOT NULL AND NOT (NEW.output IS NULL
     AND (NEW.prompt_id, NEW.session, NEW.number, NEW.stage, NEW.outcome, NEW.failure_class,
          NEW.exit_status, NEW.step, NEW.evidence, NEW.finished_at, NEW.updated_at)
      IS (OLD.prompt_id, OLD.session, OLD.number, OLD.stage, OLD.outcome, OLD.failure_class,
          OLD.exit_status, OLD.step, OLD.evidence, OLD.finished_at, OLD.updated_at))
BEGIN SELECT RAISE(ABORT, 'a finished attempt does not change'); END;

CREATE TRIGGER attempts_stage BEFORE UPDATE OF stage ON attempts
WHEN (CASE NEW.stage WHEN 'claimed' THEN 0 WHEN 'preparing' THEN 1 WHEN 'prepared' THEN 2
                     WHEN 'typing' THEN 3 WHEN 'typed' THEN 4 ELSE 5 END)
   < (CASE OLD.stage WHEN 'claimed' THEN 0 WHEN 'preparing' THEN 1 WHEN 'prepared' THEN 2
                     WHEN 'typing' THEN 3 WHEN 'typed' THEN 4 ELSE 5 END)
BEGIN SELECT RAISE(ABORT, 'an attempt cannot go back to an earlier stage'); END;

CREATE TRIGGER checks_insert BEFORE INSERT ON checks
WHEN NEW.state <> 'wanted' OR NOT EXISTS
    (SELECT 1 FROM attempts a JOIN prompts p ON p.id = a.prompt_id
     WHERE a.id = NEW.id AND a.outcome IS NULL AND a.stage = 'submitted'
       AND p.check_command = NEW.command)
BEGIN SELECT RAISE(ABORT, 'a check is for a live attempt whose prompt asks for it'); END;

CREATE TRIGGER checks_state BEFORE UPDATE OF state ON checks
WHEN OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (VALUES
    ('wanted', 'starting'), ('wanted', 'failed'), ('wanted', 'cancelled'),
    ('starting', 'running'), ('starting', 'failed'), ('starting', 'cancelled'),
    ('running', 'passed'), ('running', 'failed'), ('running', 'cancelled'))
BEGIN SELECT RAISE(ABORT, 'a check cannot change its state like this'); END;

CREATE TRIGGER checks_ended BEFORE UPDATE ON checks
WHEN OLD.ended_at IS NOT NULL AND NOT (NEW.output IS NULL
     AND (NEW.id, NEW.state, NEW.command, NEW.exit_status, NEW.reason, NEW.ended_at)
      IS (OLD.id, OLD.state, OLD.command, OLD.exit_status, OLD.reason, OLD.ended_at))
BEGIN SELECT RAISE(ABORT, 'a check that has ended does not change'); END;

CREATE TRIGGER attempts_check BEFORE UPDATE OF outcome ON attempts
WHEN NEW.outcome IS NOT NULL AND OLD.outcome IS NULL AND (
    EXISTS (SELECT 1 FROM checks WHERE id = NEW.id AND ended_at IS NULL)
    OR (NEW.failure_class IS 'check')
       <> EXISTS (SELECT 1 FROM checks WHERE id = NEW.id AND state = 'failed')
    OR (NEW.outcome = 'completed'
        AND EXISTS (SELECT 1 FROM prompts WHERE id = NEW.prompt_id AND check_command IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM checks WHERE id = NEW.id AND state = 'passed')))
BEGIN SELECT RAISE(ABORT, 'an attempt ends as its check has ended'); END;

CREATE TRIGGER profile_work_again AFTER UPDATE OF status ON prompts
WHEN NEW.status = 'pending' AND OLD.status IN ('failed', 'cancelled') BEGIN
    UPDATE profile_work SET settled_at = NULL, retry_at = NULL, reported = 'again'
    WHERE prompt_id = NEW.id AND settled_at IS NOT NULL;
END;

CREATE TRIGGER profile_work_deleted AFTER DELETE ON prompts BEGIN
    UPDATE profile_work SET outcome = OLD.status
    WHERE prompt_id = OLD.id AND settled_at IS NULL;
    DELETE FROM profile_work WHERE prompt_id = OLD.id AND settled_at IS NOT NULL;
END;

CREATE TRIGGER prompts_insert_event AFTER INSERT ON prompts BEGIN
    INSERT INTO task_events (prompt_id, type, data, created_at) VALUES
        (NEW.id, 'prompt.' || NEW.status, '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

CREATE TRIGGER prompts_status_event AFTER UPDATE OF status ON prompts
WHEN OLD.status <> NEW.status BEGIN
    INSERT INTO task_events (prompt_id, session, type, data, created_at) VALUES
        (NEW.id, NEW.assigned_session, 'prompt.' || NEW.status,
         '{"from": "' || OLD.status || '", "by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

CREATE TRIGGER attempts_insert_event AFTER INSERT ON attempts BEGIN
    INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at) VALUES
        (NEW.prompt_id, NEW.id, NEW.session, 'attempt.' || NEW.stage,
         '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

CREATE TRIGGER attempts_stage_event AFTER UPDATE OF stage ON attempts
WHEN OLD.stage <> NEW.stage BEGIN
    INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at) VALUES
        (NEW.prompt_id, NEW.id, NEW.session, 'attempt.' || NEW.stage,
         '{"from": "' || OLD.stage || '", "by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

CREATE TRIGGER attempts_outcome_event AFTER UPDATE OF outcome ON attempts
WHEN NEW.outcome IS NOT NULL BEGIN
    INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at) VALUES
        (NEW.prompt_id, NEW.id, NEW.session, 'attempt.' || NEW.outcome,
         '{"from": "' || NEW.stage || '", "by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

CREATE TRIGGER sessions_insert_event AFTER INSERT ON sessions BEGIN
    INSERT INTO task_events (session, type, data, created_at) VALUES
        (NEW.name, 'session.' || NEW.status, '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

CREATE TRIGGER sessions_status_event AFTER UPDATE OF status ON sessions
WHEN OLD.status <> NEW.status BEGIN
    INSERT INTO task_events (prompt_id, session, type, data, created_at) VALUES
        (NEW.current_task_id, NEW.name, 'session.' || NEW.status,
         '{"from": "' || OLD.status || '", "by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

CREATE TRIGGER sessions_enrolled_event AFTER UPDATE OF enrolled ON sessions
WHEN OLD.enrolled <> NEW.enrolled BEGIN
    INSERT INTO task_events (session, type, data, created_at) VALUES
        (NEW.name, CASE NEW.enrolled WHEN 1 THEN 'session.enrolled' ELSE 'session.left' END,
         '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

CREATE TRIGGER sessions_paused_event AFTER UPDATE OF paused ON sessions
WHEN OLD.paused <> NEW.paused BEGIN
    INSERT INTO task_events (session, type, data, created_at) VALUES
        (NEW.name, CASE NEW.paused WHEN 1 THEN 'session.paused' ELSE 'session.resumed' END,
         '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;

CREATE TRIGGER checks_insert_event AFTER INSERT ON checks BEGIN
    INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at)
    SELECT prompt_id, id, session, 'check.wanted', '{"by": "' || NEW.updated_by || '"}',
           NEW.updated_at
    FROM attempts WHERE id = NEW.id;
END;

CREATE TRIGGER checks_state_event AFTER UPDATE OF state ON checks
WHEN OLD.state <> NEW.state BEGIN
    INSERT INTO task_events (prompt_id, attempt_id, session, type, data, created_at)
    SELECT prompt_id, id, session, 'check.' || NEW.state,
           '{"from": "' || OLD.state || '", "by": "' || NEW.updated_by || '"}', NEW.updated_at
    FROM attempts WHERE id = NEW.id;
END;

CREATE TRIGGER prompts_insert_count AFTER INSERT ON prompts BEGIN
    INSERT INTO prompt_counts (host, status, prompts) VALUES (NEW.host, NEW.status, 1)
        ON CONFLICT (host, status) DO UPDATE SET prompts = prompts + 1;
END;

CREATE TRIGGER prompts_update_count AFTER UPDATE OF status ON prompts
WHEN OLD.status <> NEW.status BEGIN
    UPDATE prompt_counts SET prompts = prompts - 1 WHERE host = OLD.host AND status = OLD.status;
    INSERT INTO prompt_counts (host, status, prompts) VALUES (NEW.host, NEW.status, 1)
        ON CONFLICT (host, status) DO UPDATE SET prompts = prompts + 1;
END;

CREATE TRIGGER prompts_delete_count AFTER DELETE ON prompts BEGIN
    UPDATE prompt_counts SET prompts = prompts - 1 WHERE host = OLD.host AND status = OLD.status;
END;

CREATE TABLE sqlite_stat1(tbl,idx,stat);

CREATE INDEX sessions_resting ON sessions (host, resting_until) WHERE resting_until IS NOT NULL;

CREATE TRIGGER sessions_rest_event AFTER UPDATE OF resting_until ON sessions
WHEN OLD.resting_until IS NOT NEW.resting_until BEGIN
    INSERT INTO task_events (session, type, data, created_at) VALUES
        (NEW.name,
         CASE WHEN NEW.resting_until IS NULL THEN 'session.rested' ELSE 'session.resting' END,
         CASE WHEN NEW.resting_until IS NULL THEN '{"by": "' || NEW.updated_by || '"}'
              ELSE '{"by": "' || NEW.updated_by || '", "until": "' || NEW.resting_until || '"}' END,
         NEW.updated_at);
END;

CREATE TABLE agent_versions (
    host            TEXT NOT NULL,
    provider        TEXT NOT NULL,
    version         TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('probation', 'trusted', 'held')),
    prompt_id       INTEGER,
    probation_until TEXT,
    unverified      INTEGER NOT NULL DEFAULT 0 CHECK (unverified >= 0),
    reason          TEXT,
    updated_at      TEXT NOT NULL,
    updated_by      TEXT NOT NULL,
    PRIMARY KEY (host, provider, version),
    CHECK ((state = 'probation') = (probation_until IS NOT NULL)),
    CHECK ((state = 'probation') = (prompt_id IS NOT NULL)),
    CHECK ((state = 'held') = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE login_holds (
    host    TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('session', 'account')),
    name    TEXT NOT NULL,
    reason  TEXT NOT NULL,
    process TEXT,
    since   TEXT NOT NULL,
    PRIMARY KEY (host, kind, name),
    CHECK (process IS NULL OR kind = 'session')
) STRICT, WITHOUT ROWID;

CREATE TABLE outages (
    host          TEXT NOT NULL,
    provider      TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('suspected', 'resting', 'due', 'probing')),
    prompt_id     INTEGER NOT NULL,
    rests         INTEGER NOT NULL DEFAULT 0,
    resting_until TEXT,
    reason        TEXT NOT NULL,
    since         TEXT NOT NULL,
    updated_at    TEXT NOT NULL,
    updated_by    TEXT NOT NULL,
    PRIMARY KEY (host, provider),
    CHECK ((state = 'resting') = (resting_until IS NOT NULL)),
    CHECK ((state = 'suspected') = (rests = 0))
) STRICT, WITHOUT ROWID;

CREATE VIEW session_holds AS
SELECT s.host, s.name, s.provider, s.paused, s.status,
       CASE WHEN l.account IS NOT NULL THEN 'limit'
            WHEN g.name IS NOT NULL OR a.name IS NOT NULL THEN 'login'
            WHEN o.provider IS NOT NULL THEN 'outage'
            WHEN s.resting_until IS NOT NULL THEN 'rest'
            WHEN v.version IS NOT NULL THEN 'untested' END AS held_by,
       CASE WHEN l.account IS NOT NULL THEN l.account
            WHEN a.name IS NOT NULL THEN 'account ' || a.name
            WHEN g.name IS NOT NULL THEN 'session ' || g.name
            WHEN o.provider IS NOT NULL THEN o.provider
            WHEN s.resting_until IS NOT NULL THEN s.name
            WHEN v.version IS NOT NULL THEN v.provider || ' ' || v.version END AS held_on
FROM sessions s
LEFT JOIN usage_limits l ON l.host = s.host AND l.account = coalesce(s.account, s.provider)
LEFT JOIN login_holds g ON g.host = s.host AND g.kind = 'session' AND g.name = s.name
LEFT JOIN login_holds a ON a.host = s.host AND a.kind = 'account'
                           AND a.name = coalesce(s.account, s.provider)
LEFT JOIN outages o ON o.host = s.host AND o.state IN ('resting', 'probing')
                       AND o.provider = CASE WHEN s.provider = 'command'
                                             THEN coalesce(s.account, s.provider)
                                             ELSE s.provider END
LEFT JOIN agent_versions v ON v.host = s.host AND v.provider = s.provider
                              AND v.version = s.agent_version AND v.state = 'held'
WHERE s.enrolled = 1;

CREATE VIEW prompt_holds AS
SELECT p.id,
       CASE WHEN p.target_session IS NOT NULL
                 AND (s.name IS NULL OR s.enrolled = 0 OR s.status = 'offline') THEN 'target missing'
            WHEN EXISTS (SELECT 1 FROM pauses x WHERE x.host = p.host
                         AND x.provider IN ('', p.target_provider, s.provider))
                 OR s.paused = 1 THEN 'pause'
            WHEN p.target_session IS NOT NULL
            THEN (SELECT h.held_by FROM session_holds h
                  WHERE h.host = p.host AND h.name = p.target_session)
            WHEN p.target_provider IS NOT NULL AND NOT EXISTS
                 (SELECT 1 FROM session_holds h
                  WHERE h.host = p.host AND h.provider = p.target_provider AND h.held_by IS NULL
                    AND h.paused = 0 AND h.status <> 'offline')
            THEN (SELECT h.held_by FROM session_holds h
                  WHERE h.host = p.host AND h.provider = p.target_provider AND h.paused = 0
                  ORDER BY h.held_by, h.held_on LIMIT 1) END AS held_by,
       CASE WHEN p.target_session IS NOT NULL
                 AND (s.name IS NULL OR s.enrolled = 0 OR s.status = 'offline') THEN p.target_session
            WHEN EXISTS (SELECT 1 FROM pauses x WHERE x.host = p.host AND x.provider = '')
            THEN 'everything'
            WHEN s.paused = 1 THEN s.name
            WHEN EXISTS (SELECT 1 FROM pauses x WHERE x.host = p.host
                         AND x.provider IN (p.target_provider, s.provider))
            THEN (SELECT min(x.provider) FROM pauses x WHERE x.host = p.host
                  AND x.provider IN (p.target_provider, s.provider))
            WHEN p.target_session IS NOT NULL
            THEN (SELECT h.held_on FROM session_holds h
                  WHERE h.host = p.host AND h.name = p.target_session)
            WHEN p.target_provider IS NOT NULL AND NOT EXISTS
                 (SELECT 1 FROM session_holds h
                  WHERE h.host = p.host AND h.provider = p.target_provider AND h.held_by IS NULL
                    AND h.paused = 0 AND h.status <> 'offline')
            THEN (SELECT h.held_on FROM session_holds h
                  WHERE h.host = p.host AND h.provider = p.target_provider AND h.paused = 0
                  ORDER BY h.held_by, h.held_on LIMIT 1) END AS held_on
FROM prompts p LEFT JOIN sessions s ON s.host = p.host AND s.name = p.target_session;

CREATE INDEX prompts_held_lanes ON prompts
    (host, held_by, held_on, coalesce('session ' || target_session, 'provider ' || target_provider, ''))
    WHERE held_by IS NOT NULL;

CREATE TRIGGER attempts_claim BEFORE INSERT ON attempts
WHEN NOT EXISTS (SELECT 1 FROM sessions WHERE host = NEW.host AND name = NEW.session
                 AND enrolled = 1 AND paused = 0 AND status = 'idle')
  OR EXISTS (SELECT 1 FROM session_holds h
             WHERE h.host = NEW.host AND h.name = NEW.session AND h.held_by IS NOT NULL)
  OR EXISTS (SELECT 1 FROM sessions s JOIN pauses x ON x.host = s.host
             WHERE s.host = NEW.host AND s.name = NEW.session AND x.provider IN ('', s.provider))
  OR EXISTS (SELECT 1 FROM sessions s
             JOIN agent_versions v ON v.host = s.host AND v.provider = s.provider
                  AND v.version = s.agent_version
             WHERE s.host = NEW.host AND s.name = NEW.session
               AND v.probation_until > NEW.claimed_at)
  OR NOT EXISTS (SELECT 1 FROM prompts WHERE id = NEW.prompt_id
                 AND status = 'pending' AND held_by IS NULL)
BEGIN SELECT RAISE(ABORT, 'a claim needs a waiting prompt and an enrolled idle session'); END;

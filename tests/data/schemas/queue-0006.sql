BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'assigner','0001-first','2026-11-21 20:42:09.504705+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'assigner','0002-unattended','2026-11-21 20:42:09.544601+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'assigner','0003-agents','2026-11-21 20:42:09.651111+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'assigner','0004-review','2026-11-21 20:42:09.677316+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'assigner','0005-goals','2026-11-21 20:42:09.682560+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'assigner','0006-turns','2026-11-21 20:42:09.682908+00:00');
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
        ('context', 'command', 'api', 'auth', 'interrupted', 'vanished', 'timeout', 'rejected',
         'check')),
    exit_status    INTEGER,
    step           TEXT,                    -- the step of the context that failed
    score          INTEGER,
    context_switch INTEGER CHECK (context_switch IN (0, 1)),
    evidence       TEXT NOT NULL DEFAULT '{}',
    output         TEXT,
    lease_id       INTEGER REFERENCES leases (id),
    -- the pane that was claimed
    socket         TEXT NOT NULL,
    server_pid     INTEGER NOT NULL,
    server_start   INTEGER NOT NULL,
    pane_id        TEXT NOT NULL,
    pane_pid       INTEGER NOT NULL,
    process_group  INTEGER,                 -- of the prompt, as its shell reported it
    ending         TEXT CHECK (ending IN ('cancel', 'timeout', 'interrupted')),
    signal         TEXT CHECK (signal IN ('INT', 'TERM', 'KILL')),
    signalled_at   TEXT,
    claimed_at     TEXT NOT NULL,
    typed_at       TEXT,
    submitted_at   TEXT,
    finished_at    TEXT,
    updated_at     TEXT NOT NULL,
    updated_by     TEXT NOT NULL,
    UNIQUE (prompt_id, number),
    FOREIGN KEY (host, session) REFERENCES sessions (host, name),
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK ((outcome IS 'failed') = (failure_class IS NOT NULL)),
    CHECK (outcome IS NULL OR lease_id IS NULL),
    CHECK (stage NOT IN ('typed', 'submitted') OR typed_at IS NOT NULL),
    CHECK (stage <> 'submitted' OR submitted_at IS NOT NULL)
) STRICT;
INSERT INTO "attempts" VALUES(1,1,'here','lost',1,'submitted','completed',NULL,0,NULL,NULL,NULL,'{}',NULL,NULL,'@SOCKET@',999999999,1767322000,'%9',999999998,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','test');
INSERT INTO "attempts" VALUES(4,4,'here','lost',1,'submitted','failed','command',3,NULL,NULL,NULL,'{}',NULL,NULL,'@SOCKET@',999999999,1767322000,'%9',999999998,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','test');
INSERT INTO "attempts" VALUES(5,5,'here','lost',1,'submitted','failed','command',3,NULL,NULL,NULL,'{}',NULL,NULL,'@SOCKET@',999999999,1767322000,'%9',999999998,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','test');
INSERT INTO "attempts" VALUES(6,6,'here','gone',1,'claimed',NULL,NULL,NULL,NULL,NULL,NULL,'{}',NULL,NULL,'@SOCKET@',999999999,1767322000,'%8',999999998,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z',NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','test');
INSERT INTO "attempts" VALUES(7,7,'here','lost',1,'submitted',NULL,NULL,NULL,NULL,NULL,NULL,'{"reports": {"begun": {"at": "2026-01-02T03:04:05.000Z"}, "started": {"at": "2026-01-02T03:04:05.000Z"}}}',NULL,NULL,'@SOCKET@',999999999,1767322000,'%9',999999998,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,'2026-01-02T03:04:05.000Z','test');
CREATE TABLE checks (
    id          INTEGER PRIMARY KEY REFERENCES attempts (id) ON DELETE CASCADE,
    state       TEXT NOT NULL DEFAULT 'wanted' CHECK (state IN
        ('wanted', 'starting', 'running', 'passed', 'failed', 'cancelled')),
    command     TEXT NOT NULL,
    directory   TEXT NOT NULL CHECK (directory LIKE '/%'),
    seconds     REAL NOT NULL CHECK (seconds > 0),
    work        TEXT,                       -- what came of the prompt's own work, until it is over
    pid         INTEGER,                    -- of what runs it, as that has reported
    exit_status INTEGER,
    reason      TEXT,                       -- why it failed
    output      TEXT,
    wanted_at   TEXT NOT NULL,
    tried_at    TEXT,                       -- when tmux was asked last
    started_at  TEXT,
    ended_at    TEXT,
    updated_at  TEXT NOT NULL,
    updated_by  TEXT NOT NULL,
    CHECK ((state IN ('passed', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (work IS NOT NULL)),
    CHECK (state NOT IN ('running', 'passed') OR (started_at IS NOT NULL AND pid IS NOT NULL)),
    CHECK (state NOT IN ('wanted', 'starting') OR (started_at IS NULL AND pid IS NULL)),
    CHECK (state <> 'passed' OR exit_status IS 0),
    CHECK ((state = 'failed') = (reason IS NOT NULL))
) STRICT;
INSERT INTO "checks" VALUES(7,'running','true','/',60.0,'{"exit_status": 0, "response": null, "output": "",
        "evidence": {}}',999999997,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z',NULL,'2026-01-02T03:04:05.000Z',NULL,'2026-01-02T03:04:05.000Z','test');
CREATE TABLE contexts (
    host        TEXT NOT NULL,
    name        TEXT NOT NULL,
    session     TEXT NOT NULL,              -- from which it was saved
    working_dir TEXT CHECK (working_dir LIKE '/%'),
    git_branch  TEXT,
    env_vars    TEXT NOT NULL DEFAULT '{}', -- a secret is null
    saved_at    TEXT NOT NULL,
    saved_by    TEXT NOT NULL,
    PRIMARY KEY (host, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "contexts" VALUES('here','home','lost','/',NULL,'{}','2026-01-02T03:04:05.000Z','test');
CREATE TABLE conversations (
    host         TEXT NOT NULL,
    provider     TEXT NOT NULL,
    affinity     TEXT NOT NULL,
    conversation TEXT NOT NULL,
    used_at      TEXT NOT NULL,
    PRIMARY KEY (host, provider, affinity)
) STRICT, WITHOUT ROWID;
INSERT INTO "conversations" VALUES('here','codex','mine','abc','2026-01-02T03:04:05.000Z');
CREATE TABLE dependencies (
    prompt_id INTEGER NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
    after_id  INTEGER NOT NULL REFERENCES prompts (id) ON DELETE CASCADE,
    PRIMARY KEY (prompt_id, after_id),
    CHECK (after_id < prompt_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "dependencies" VALUES(13,1);
INSERT INTO "dependencies" VALUES(3,2);
CREATE TABLE foundation (
    host            TEXT NOT NULL,
    session         TEXT NOT NULL,
    pane            TEXT,               -- which pane it was: another one is another session
    session_start   TEXT,
    checked_at      TEXT,
    idle_count      INTEGER NOT NULL DEFAULT 0,
    work_sessions   INTEGER NOT NULL DEFAULT 0,
    tasks_completed INTEGER NOT NULL DEFAULT 0,
    tasks_failed    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (host, session)
) STRICT, WITHOUT ROWID;
INSERT INTO "foundation" VALUES('here','lost',NULL,NULL,'2026-01-02T03:04:05.000Z',0,0,0,0);
CREATE TABLE foundation_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    host       TEXT NOT NULL,
    session    TEXT NOT NULL,
    text       TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE TABLE foundation_work (
    prompt_id   INTEGER PRIMARY KEY,
    host        TEXT NOT NULL,
    session     TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('goal', 'given', 'general')),
    title       TEXT NOT NULL,
    goals       TEXT,
    task        TEXT,
    number      INTEGER,
    tries_left  INTEGER,
    foreign_task INTEGER NOT NULL DEFAULT 0 CHECK (foreign_task IN (0, 1)),
    told        TEXT CHECK (told IN ('again', 'in_progress')),
    outcome     TEXT,                   -- of a prompt that was deleted before it was settled
    retry_at    TEXT,                   -- until then the task is left alone
    assigned_at TEXT NOT NULL,
    settled_at  TEXT,
    CHECK ((kind = 'goal') = (task IS NOT NULL AND goals IS NOT NULL AND number IS NOT NULL))
) STRICT;
INSERT INTO "foundation_work" VALUES(2,'here','lost','given','echo',NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z',NULL);
CREATE TABLE heartbeats (
    host        TEXT NOT NULL,
    script      TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    PRIMARY KEY (host, script)
) STRICT, WITHOUT ROWID;
CREATE TABLE leases (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    host     TEXT NOT NULL,
    tree     TEXT NOT NULL,
    branch   TEXT,
    taken_at TEXT NOT NULL,
    UNIQUE (host, tree)
) STRICT;
CREATE TABLE limits (
    host    TEXT NOT NULL,
    account TEXT NOT NULL,
    until   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (host, account)
) STRICT, WITHOUT ROWID;
INSERT INTO "limits" VALUES('here','shell','2020-01-02T03:04:05.000Z','said so','2026-01-02T03:04:05.000Z');
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO "meta" VALUES('instance','cafe0000');
CREATE TABLE pauses (
    host      TEXT NOT NULL,
    provider  TEXT NOT NULL DEFAULT '',
    paused_at TEXT NOT NULL,
    paused_by TEXT NOT NULL,
    PRIMARY KEY (host, provider)
) STRICT, WITHOUT ROWID;
INSERT INTO "pauses" VALUES('here','command','2026-01-02T03:04:05.000Z','test');
CREATE TABLE prompt_counts (
    host    TEXT NOT NULL,
    status  TEXT NOT NULL,
    prompts INTEGER NOT NULL,
    PRIMARY KEY (host, status)
) STRICT, WITHOUT ROWID;
INSERT INTO "prompt_counts" VALUES('here','assigned',1);
INSERT INTO "prompt_counts" VALUES('here','completed',1);
INSERT INTO "prompt_counts" VALUES('here','failed',2);
INSERT INTO "prompt_counts" VALUES('here','in_progress',1);
INSERT INTO "prompt_counts" VALUES('here','pending',8);
CREATE TABLE prompt_transitions (
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (old, new)
) STRICT, WITHOUT ROWID;
INSERT INTO "prompt_transitions" VALUES('assigned','cancelled','a person cancelled it before it ran');
INSERT INTO "prompt_transitions" VALUES('assigned','failed','its context could not be prepared');
INSERT INTO "prompt_transitions" VALUES('assigned','in_progress','its session reported that it runs');
INSERT INTO "prompt_transitions" VALUES('assigned','pending','it was never typed, and its claim was given back');
INSERT INTO "prompt_transitions" VALUES('cancelled','pending','a person retried it');
INSERT INTO "prompt_transitions" VALUES('completed','pending','a person rejected it');
INSERT INTO "prompt_transitions" VALUES('failed','cancelled','a person cancelled its retries');
INSERT INTO "prompt_transitions" VALUES('failed','pending','its back-off has passed, or a person retried it');
INSERT INTO "prompt_transitions" VALUES('in_progress','cancelled','a person cancelled it and its processes are gone');
INSERT INTO "prompt_transitions" VALUES('in_progress','completed','its end was proved');
INSERT INTO "prompt_transitions" VALUES('in_progress','failed','its failure was proved, or its session vanished');
INSERT INTO "prompt_transitions" VALUES('in_progress','pending','its account is at its limit: the attempt is not counted');
INSERT INTO "prompt_transitions" VALUES('pending','assigned','assign-next claimed a session for it');
INSERT INTO "prompt_transitions" VALUES('pending','cancelled','a person cancelled it');
CREATE TABLE prompts (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    host                 TEXT NOT NULL,
    content              TEXT NOT NULL CHECK (content <> ''),
    priority             INTEGER NOT NULL DEFAULT 0,
    status               TEXT NOT NULL DEFAULT 'pending',
    held_by              TEXT CHECK (held_by IS NULL OR held_by IN
        ('dependency', 'time', 'target missing', 'tree in use', 'limit', 'pause')),
    held_on              TEXT,              -- the prompt, time, session or tree that it waits for
    target_session       TEXT,
    target_provider      TEXT,
    assigned_session     TEXT,
    metadata             TEXT NOT NULL DEFAULT '{}',
    working_dir          TEXT CHECK (working_dir LIKE '/%'),
    git_branch           TEXT,
    env_vars             TEXT NOT NULL DEFAULT '{}',
    secrets              TEXT,              -- name of the file that has the null values of env_vars
    prerequisites        TEXT NOT NULL DEFAULT '[]',
    prefer_context_match INTEGER NOT NULL DEFAULT 1 CHECK (prefer_context_match IN (0, 1)),
    validate_context     INTEGER NOT NULL DEFAULT 1 CHECK (validate_context IN (0, 1)),
    min_score            INTEGER,
    attempts             INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts         INTEGER NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
    idempotent           INTEGER NOT NULL DEFAULT 0 CHECK (idempotent IN (0, 1)),
    timeout_seconds      REAL CHECK (timeout_seconds > 0),
    error                TEXT,
    exit_status          INTEGER,
    response             TEXT,
    created_at           TEXT NOT NULL,
    ready_at             TEXT NOT NULL,     -- since when it could have run: pending and not held
    assigned_at          TEXT,
    started_at           TEXT,
    completed_at         TEXT,
    updated_at           TEXT NOT NULL,
    updated_by           TEXT NOT NULL,
    not_before           TEXT,
    deadline             TEXT,
    retry_at             TEXT,              -- failed, and to be tried again then
    cancel_requested_at  TEXT,
    parent_id            INTEGER REFERENCES prompts (id) ON DELETE SET NULL,
    affinity             TEXT,
    tags                 TEXT NOT NULL DEFAULT '[]',
    dedup_key            TEXT, worktree INTEGER NOT NULL DEFAULT 0
    CHECK (worktree = 0 OR (worktree = 1 AND git_branch IS NOT NULL)), raw INTEGER NOT NULL DEFAULT 0 CHECK (raw IN (0, 1)), sentinel INTEGER NOT NULL DEFAULT 0 CHECK (sentinel IN (0, 1)), check_command TEXT CHECK (check_command <> ''), check_timeout_seconds REAL
    CHECK (check_timeout_seconds IS NULL
           OR (check_timeout_seconds > 0 AND check_command IS NOT NULL)), review TEXT
    CHECK (review = 'wanted' OR (review = 'approved' AND status = 'completed')), feedback TEXT,
    CHECK (held_by IS NULL OR status = 'pending'),
    CHECK (retry_at IS NULL OR status = 'failed'),
    CHECK (cancel_requested_at IS NULL OR status IN ('assigned', 'in_progress', 'cancelled')),
    CHECK (status NOT IN ('assigned', 'in_progress') OR assigned_session IS NOT NULL),
    CHECK ((status = 'pending' AND completed_at IS NULL)
        OR (status IN ('assigned', 'in_progress') AND completed_at IS NULL)
        OR (status IN ('completed', 'failed', 'cancelled') AND completed_at IS NOT NULL))
) STRICT;
INSERT INTO "prompts" VALUES(1,'here','echo 1 >>@LOG@',0,'completed',NULL,NULL,NULL,NULL,'lost','{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,1,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','test',NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,'wanted',NULL);
INSERT INTO "prompts" VALUES(2,'here','echo 2 >>@LOG@',0,'pending',NULL,NULL,NULL,NULL,NULL,'{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,0,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(3,'here','echo 3 >>@LOG@',0,'pending','dependency','prompt 2',NULL,NULL,NULL,'{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,0,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(4,'here','echo 4 >>@LOG@',0,'failed',NULL,NULL,NULL,NULL,'lost','{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,1,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','test',NULL,NULL,'2020-01-02T03:04:05.000Z',NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(5,'here','echo 5 >>@LOG@',0,'failed',NULL,NULL,NULL,NULL,'lost','{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,1,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','test',NULL,NULL,'2199-01-02T03:04:05.000Z',NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(6,'here','echo 6 >>@LOG@',0,'assigned',NULL,NULL,NULL,NULL,'gone','{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,1,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(7,'here','echo 7 >>@LOG@',0,'in_progress',NULL,NULL,NULL,NULL,'lost','{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,1,1,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,'true',NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(8,'here','echo 8 >>@LOG@',0,'pending','target missing','quiet','quiet',NULL,NULL,'{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,0,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(9,'here','echo 9 >>@LOG@',0,'pending','time','2020-01-02T03:04:05.000Z',NULL,NULL,NULL,'{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,0,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','test','2020-01-02T03:04:05.000Z',NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(10,'here','echo 10 >>@LOG@',0,'pending','pause','command',NULL,'command',NULL,'{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,0,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(11,'here','echo 11 >>@LOG@',0,'pending','limit','shell',NULL,'shell',NULL,'{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,0,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(12,'here','echo 12 >>@LOG@',0,'pending',NULL,NULL,NULL,NULL,NULL,'{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,0,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,'echo 12 checked >>@LOG@',NULL,NULL,NULL);
INSERT INTO "prompts" VALUES(13,'here','echo 13 >>@LOG@',0,'pending','dependency','prompt 1 awaits a review',NULL,NULL,NULL,'{}',NULL,NULL,'{}',NULL,'[]',1,1,NULL,0,3,0,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z',NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL,NULL,NULL,NULL,NULL,'[]',NULL,0,0,0,NULL,NULL,NULL,NULL);
CREATE TABLE sessions (
    id                  INTEGER PRIMARY KEY,
    host                TEXT NOT NULL,
    name                TEXT NOT NULL,
    provider            TEXT,
    command             TEXT,               -- one-shot: what reads the prompt on standard input
    status              TEXT NOT NULL CHECK (status IN
        ('idle', 'busy', 'waiting', 'limited', 'occupied', 'unknown', 'offline')),
    status_reason       TEXT,
    enrolled            INTEGER NOT NULL DEFAULT 0 CHECK (enrolled IN (0, 1)),
    paused              INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    -- identity of the pane: a restarted server hands out %0 again
    socket              TEXT,
    server_pid          INTEGER,
    server_start        INTEGER,
    pane_id             TEXT,
    pane_pid            INTEGER,
    pane_tty            TEXT,
    seen                TEXT,               -- what the last look saw, to tell what has not changed
    seen_at             TEXT,
    prompt_endings      TEXT NOT NULL DEFAULT '[]',  -- how an empty prompt of this session ends
    learn               INTEGER NOT NULL DEFAULT 0 CHECK (learn IN (0, 1, 2)),  -- 2: a run has just ended
    -- context
    current_dir         TEXT,
    repository          TEXT,
    git_branch          TEXT,
    env_vars            TEXT NOT NULL DEFAULT '{}',  -- what a prompt exported; a secret is null
    context_hash        TEXT,
    last_context_update TEXT,
    last_activity       TEXT,
    idle_since          TEXT,
    current_task_id     INTEGER,
    last_task_id        INTEGER,
    limited_until       TEXT,
    updated_at          TEXT NOT NULL,
    updated_by          TEXT NOT NULL, opted_out INTEGER NOT NULL DEFAULT 0
    CHECK (opted_out = 0 OR (opted_out = 1 AND enrolled = 0)), paused_at TEXT, paused_by TEXT, provider_given INTEGER NOT NULL DEFAULT 0
    CHECK (provider_given IN (0, 1)), account TEXT, respawn INTEGER NOT NULL DEFAULT 0 CHECK (respawn IN (0, 1)), auto_approve INTEGER NOT NULL DEFAULT 0
    CHECK (auto_approve IN (0, 1)), resumes INTEGER NOT NULL DEFAULT 0 CHECK (resumes IN (0, 1)), environment TEXT, conversation TEXT, trusted TEXT NOT NULL DEFAULT '[]', keepalive INTEGER NOT NULL DEFAULT 0 CHECK (keepalive IN (0, 1)), start_dir TEXT, start_line TEXT, starting TEXT, started_at TEXT, quick_deaths INTEGER NOT NULL DEFAULT 0, given_up TEXT, stuck_since TEXT,
    UNIQUE (host, name),
    CHECK (status = 'offline' OR pane_id IS NOT NULL),
    CHECK ((status = 'idle') = (idle_since IS NOT NULL))
) STRICT;
INSERT INTO "sessions" VALUES(1,'here','lost','shell',NULL,'busy',NULL,1,0,'@SOCKET@',999999999,1767322000,'%9',999999998,NULL,NULL,'2026-01-02T03:04:05.000Z','[]',0,'/',NULL,NULL,'{}',NULL,NULL,NULL,NULL,7,NULL,NULL,'2026-01-02T03:04:05.000Z','test',0,NULL,NULL,0,NULL,0,0,0,NULL,NULL,'[]',0,NULL,NULL,NULL,NULL,0,NULL,NULL);
INSERT INTO "sessions" VALUES(2,'here','gone','shell',NULL,'idle',NULL,1,0,'@SOCKET@',999999999,1767322000,'%8',999999998,NULL,NULL,'2026-01-02T03:04:05.000Z','[]',0,'/',NULL,NULL,'{}',NULL,NULL,NULL,'2026-01-02T03:04:05.000Z',6,NULL,NULL,'2026-01-02T03:04:05.000Z','test',0,NULL,NULL,0,NULL,0,0,0,NULL,NULL,'[]',0,NULL,NULL,NULL,NULL,0,NULL,NULL);
INSERT INTO "sessions" VALUES(3,'here','quiet','shell',NULL,'offline',NULL,1,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'[]',0,NULL,NULL,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z','test',0,NULL,NULL,0,NULL,0,0,0,NULL,NULL,'[]',0,NULL,NULL,NULL,NULL,0,NULL,NULL);
ANALYZE "sqlite_master";
INSERT INTO "sqlite_stat1" VALUES('prompts','prompts_status','1000000 200000 1');
INSERT INTO "sqlite_stat1" VALUES('prompts','prompts_ready','100000 100000 10000 10000 1000 2 1');
INSERT INTO "sqlite_stat1" VALUES('prompts','prompts_open','100000 1000 2 1');
INSERT INTO "sqlite_stat1" VALUES('prompts','prompts_held','100000 100000 10000 10');
INSERT INTO "sqlite_stat1" VALUES('attempts','attempts_session','1000000 1000000 10000 1');
INSERT INTO "sqlite_stat1" VALUES('attempts','attempts_one_per_session','100 100 1');
INSERT INTO "sqlite_stat1" VALUES('attempts','attempts_one_per_prompt','100 1');
INSERT INTO "sqlite_stat1" VALUES('prompts','prompts_ended','1000000 1');
INSERT INTO "sqlite_stat1" VALUES('prompts','prompts_parent','1000 10');
INSERT INTO "sqlite_stat1" VALUES('attempts','attempts_output','1000000 1');
INSERT INTO "sqlite_stat1" VALUES('task_events','task_events_created','10000000 2');
INSERT INTO "sqlite_stat1" VALUES('task_events','task_events_prompt','10000000 10 1');
INSERT INTO "sqlite_stat1" VALUES('task_events','task_events_attempt','10000000 5 2');
INSERT INTO "sqlite_stat1" VALUES('prompts','prompts_review','100 100 1');
INSERT INTO "sqlite_stat1" VALUES('checks','checks_output','1000000 1');
INSERT INTO "sqlite_stat1" VALUES('foundation_work','foundation_work_open','100 100 2');
INSERT INTO "sqlite_stat1" VALUES('foundation_work','foundation_work_given','100000 100000 2000 1');
INSERT INTO "sqlite_stat1" VALUES('foundation_work','foundation_work_task','100000 50000 2 1');
INSERT INTO "sqlite_stat1" VALUES('foundation_work','foundation_work_retry','1000 500 1');
INSERT INTO "sqlite_stat1" VALUES('attempts','attempts_typed','1000000 1000000 1');
CREATE TABLE task_events (
    id         INTEGER PRIMARY KEY,
    prompt_id  INTEGER,
    attempt_id INTEGER,
    session    TEXT,
    type       TEXT NOT NULL,
    data       TEXT NOT NULL DEFAULT '{}',
    created_at TEXT NOT NULL
) STRICT;
INSERT INTO "task_events" VALUES(1,NULL,NULL,'lost','session.idle','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(2,NULL,NULL,'gone','session.idle','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(3,NULL,NULL,'quiet','session.offline','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(4,1,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(5,2,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(6,3,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(7,4,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(8,5,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(9,6,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(10,7,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(11,8,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(12,9,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(13,1,1,'lost','attempt.claimed','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(14,1,NULL,'lost','prompt.assigned','{"from": "pending", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(15,1,1,'lost','attempt.submitted','{"from": "claimed", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(16,1,NULL,'lost','prompt.in_progress','{"from": "assigned", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(17,1,1,'lost','attempt.completed','{"from": "submitted", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(18,1,NULL,'lost','prompt.completed','{"from": "in_progress", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(19,4,4,'lost','attempt.claimed','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(20,4,NULL,'lost','prompt.assigned','{"from": "pending", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(21,4,4,'lost','attempt.submitted','{"from": "claimed", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(22,4,NULL,'lost','prompt.in_progress','{"from": "assigned", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(23,4,4,'lost','attempt.failed','{"from": "submitted", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(24,4,NULL,'lost','prompt.failed','{"from": "in_progress", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(25,5,5,'lost','attempt.claimed','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(26,5,NULL,'lost','prompt.assigned','{"from": "pending", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(27,5,5,'lost','attempt.submitted','{"from": "claimed", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(28,5,NULL,'lost','prompt.in_progress','{"from": "assigned", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(29,5,5,'lost','attempt.failed','{"from": "submitted", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(30,5,NULL,'lost','prompt.failed','{"from": "in_progress", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(31,6,6,'gone','attempt.claimed','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(32,6,NULL,'gone','prompt.assigned','{"from": "pending", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(33,7,7,'lost','attempt.claimed','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(34,7,NULL,'lost','prompt.assigned','{"from": "pending", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(35,7,7,'lost','attempt.submitted','{"from": "claimed", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(36,7,NULL,'lost','prompt.in_progress','{"from": "assigned", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(37,7,NULL,'lost','session.busy','{"from": "idle", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(38,10,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(39,11,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(40,12,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(41,13,NULL,NULL,'prompt.pending','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(42,7,7,'lost','check.wanted','{"by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(43,7,7,'lost','check.starting','{"from": "wanted", "by": "test"}','2026-01-02T03:04:05.000Z');
INSERT INTO "task_events" VALUES(44,7,7,'lost','check.running','{"from": "starting", "by": "test"}','2026-01-02T03:04:05.000Z');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX sessions_pane ON sessions (host, socket, server_pid, server_start, pane_id)
    WHERE status <> 'offline';
CREATE INDEX sessions_ready ON sessions (host, name)
    WHERE status = 'idle' AND enrolled = 1 AND paused = 0;
CREATE INDEX prompts_ready ON prompts
    (host, target_session, target_provider, priority DESC, created_at, id)
    WHERE status = 'pending' AND held_by IS NULL;
CREATE INDEX prompts_open ON prompts (priority DESC, created_at, id)
    WHERE completed_at IS NULL;
CREATE INDEX prompts_held ON prompts (host, held_by, held_on) WHERE held_by IS NOT NULL;
CREATE INDEX prompts_retry ON prompts (host, retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX prompts_status ON prompts (status, id);
CREATE UNIQUE INDEX prompts_dedup_key ON prompts (dedup_key) WHERE dedup_key IS NOT NULL;
CREATE INDEX prompts_secrets ON prompts (secrets) WHERE secrets IS NOT NULL;
CREATE INDEX dependencies_after ON dependencies (after_id);
CREATE UNIQUE INDEX attempts_one_per_prompt ON attempts (prompt_id) WHERE outcome IS NULL;
CREATE UNIQUE INDEX attempts_one_per_session ON attempts (host, session) WHERE outcome IS NULL;
CREATE INDEX attempts_lease ON attempts (lease_id) WHERE lease_id IS NOT NULL;
CREATE INDEX attempts_session ON attempts (host, session, id);
CREATE INDEX task_events_prompt ON task_events (prompt_id, id);
CREATE INDEX task_events_attempt ON task_events (attempt_id, type) WHERE attempt_id IS NOT NULL;
CREATE TRIGGER prompts_transition BEFORE UPDATE OF status ON prompts
WHEN OLD.status <> NEW.status AND NOT EXISTS
    (SELECT 1 FROM prompt_transitions WHERE old = OLD.status AND new = NEW.status)
BEGIN SELECT RAISE(ABORT, 'a prompt cannot change its status like this'); END;
CREATE TRIGGER prompts_assigned BEFORE UPDATE OF status ON prompts
WHEN (NEW.status IN ('assigned', 'in_progress')) <> EXISTS
    (SELECT 1 FROM attempts WHERE prompt_id = NEW.id AND outcome IS NULL)
BEGIN SELECT RAISE(ABORT, 'a prompt is assigned exactly while it has a live attempt'); END;
CREATE TRIGGER attempts_stage BEFORE UPDATE OF stage ON attempts
WHEN (CASE NEW.stage WHEN 'claimed' THEN 0 WHEN 'preparing' THEN 1 WHEN 'prepared' THEN 2
                     WHEN 'typing' THEN 3 WHEN 'typed' THEN 4 ELSE 5 END)
   < (CASE OLD.stage WHEN 'claimed' THEN 0 WHEN 'preparing' THEN 1 WHEN 'prepared' THEN 2
                     WHEN 'typing' THEN 3 WHEN 'typed' THEN 4 ELSE 5 END)
BEGIN SELECT RAISE(ABORT, 'an attempt cannot go back to an earlier stage'); END;
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
CREATE INDEX prompts_ended ON prompts (completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX attempts_output ON attempts (finished_at) WHERE output IS NOT NULL;
CREATE INDEX task_events_created ON task_events (created_at);
CREATE INDEX prompts_parent ON prompts (parent_id) WHERE parent_id IS NOT NULL;
CREATE TRIGGER attempts_finished BEFORE UPDATE ON attempts
WHEN OLD.outcome IS NOT NULL AND NOT (NEW.output IS NULL
     AND (NEW.prompt_id, NEW.session, NEW.number, NEW.stage, NEW.outcome, NEW.failure_class,
          NEW.exit_status, NEW.step, NEW.evidence, NEW.finished_at, NEW.updated_at)
      IS (OLD.prompt_id, OLD.session, OLD.number, OLD.stage, OLD.outcome, OLD.failure_class,
          OLD.exit_status, OLD.step, OLD.evidence, OLD.finished_at, OLD.updated_at))
BEGIN SELECT RAISE(ABORT, 'a finished attempt does not change'); END;
CREATE TRIGGER sessions_paused_event AFTER UPDATE OF paused ON sessions
WHEN OLD.paused <> NEW.paused BEGIN
    INSERT INTO task_events (session, type, data, created_at) VALUES
        (NEW.name, CASE NEW.paused WHEN 1 THEN 'session.paused' ELSE 'session.resumed' END,
         '{"by": "' || NEW.updated_by || '"}', NEW.updated_at);
END;
CREATE INDEX sessions_environment ON sessions (environment) WHERE environment IS NOT NULL;
CREATE TRIGGER attempts_claim BEFORE INSERT ON attempts
WHEN NOT EXISTS (SELECT 1 FROM sessions WHERE host = NEW.host AND name = NEW.session
                 AND enrolled = 1 AND paused = 0 AND status = 'idle')
  OR EXISTS (SELECT 1 FROM sessions s JOIN pauses x ON x.host = s.host
             WHERE s.host = NEW.host AND s.name = NEW.session AND x.provider IN ('', s.provider))
  OR EXISTS (SELECT 1 FROM sessions s
             JOIN limits l ON l.host = s.host AND l.account = coalesce(s.account, s.provider)
             WHERE s.host = NEW.host AND s.name = NEW.session)
  OR NOT EXISTS (SELECT 1 FROM prompts WHERE id = NEW.prompt_id
                 AND status = 'pending' AND held_by IS NULL)
BEGIN SELECT RAISE(ABORT, 'a claim needs a waiting prompt and an enrolled idle session'); END;
CREATE VIEW prompt_holds AS
SELECT id,
       CASE WHEN missing IS NOT NULL THEN 'target missing'
            WHEN paused IS NOT NULL THEN 'pause'
            WHEN limited IS NOT NULL THEN 'limit' END AS held_by,
       coalesce(missing, paused, limited) AS held_on
FROM (SELECT p.id,
             CASE WHEN s.name IS NULL OR s.enrolled = 0 OR s.status = 'offline'
                  THEN p.target_session END AS missing,
             CASE WHEN EXISTS (SELECT 1 FROM pauses x WHERE x.host = p.host AND x.provider = '')
                  THEN 'everything'
                  WHEN s.paused = 1 THEN s.name
                  ELSE (SELECT min(x.provider) FROM pauses x
                        WHERE x.host = p.host AND x.provider IN (p.target_provider, s.provider))
             END AS paused,
             CASE WHEN p.target_session IS NOT NULL
                  THEN (SELECT l.account FROM limits l
                        WHERE l.host = p.host AND l.account = coalesce(s.account, s.provider))
                  WHEN p.target_provider IS NOT NULL AND NOT EXISTS
                       (SELECT 1 FROM sessions o LEFT JOIN limits l
                        ON l.host = o.host AND l.account = coalesce(o.account, o.provider)
                        WHERE o.host = p.host AND o.provider = p.target_provider
                          AND o.enrolled = 1 AND o.status <> 'offline' AND l.account IS NULL)
                  THEN (SELECT min(l.account) FROM sessions o JOIN limits l
                        ON l.host = o.host AND l.account = coalesce(o.account, o.provider)
                        WHERE o.host = p.host AND o.provider = p.target_provider AND o.enrolled = 1)
             END AS limited
      FROM prompts p LEFT JOIN sessions s ON s.host = p.host AND s.name = p.target_session) AS known;
CREATE INDEX conversations_used ON conversations (used_at);
CREATE INDEX prompts_review ON prompts (host, completed_at) WHERE review = 'wanted';
CREATE INDEX checks_output ON checks (ended_at) WHERE output IS NOT NULL;
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
CREATE TRIGGER checks_over BEFORE UPDATE ON checks
WHEN OLD.ended_at IS NOT NULL AND NOT (NEW.output IS NULL
     AND (NEW.id, NEW.state, NEW.command, NEW.exit_status, NEW.reason, NEW.ended_at)
      IS (OLD.id, OLD.state, OLD.command, OLD.exit_status, OLD.reason, OLD.ended_at))
BEGIN SELECT RAISE(ABORT, 'a check that is over does not change'); END;
CREATE TRIGGER attempts_check BEFORE UPDATE OF outcome ON attempts
WHEN NEW.outcome IS NOT NULL AND OLD.outcome IS NULL AND (
    EXISTS (SELECT 1 FROM checks WHERE id = NEW.id AND ended_at IS NULL)
    OR (NEW.failure_class IS 'check')
       <> EXISTS (SELECT 1 FROM checks WHERE id = NEW.id AND state = 'failed')
    OR (NEW.outcome = 'completed'
        AND EXISTS (SELECT 1 FROM prompts WHERE id = NEW.prompt_id AND check_command IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM checks WHERE id = NEW.id AND state = 'passed')))
BEGIN SELECT RAISE(ABORT, 'an attempt ends as its check has ended'); END;
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
CREATE TRIGGER prompts_rejected BEFORE UPDATE OF status ON prompts
WHEN OLD.status = 'completed' AND NEW.status = 'pending' AND OLD.review IS NOT 'wanted'
BEGIN SELECT RAISE(ABORT, 'only what awaits a review can be rejected'); END;
CREATE INDEX foundation_work_open ON foundation_work (host, session) WHERE settled_at IS NULL;
CREATE INDEX foundation_work_given ON foundation_work (host, session, assigned_at);
CREATE UNIQUE INDEX foundation_work_task ON foundation_work (goals, task, number)
    WHERE goals IS NOT NULL;
CREATE INDEX foundation_work_retry ON foundation_work (goals, retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX foundation_log_session ON foundation_log (host, session);
CREATE TRIGGER foundation_work_again AFTER UPDATE OF status ON prompts
WHEN NEW.status = 'pending' AND OLD.status IN ('failed', 'cancelled') BEGIN
    UPDATE foundation_work SET settled_at = NULL, retry_at = NULL, told = 'again'
    WHERE prompt_id = NEW.id AND settled_at IS NOT NULL;
END;
CREATE TRIGGER foundation_work_forgotten AFTER DELETE ON prompts BEGIN
    UPDATE foundation_work SET outcome = OLD.status
    WHERE prompt_id = OLD.id AND settled_at IS NULL;
    DELETE FROM foundation_work WHERE prompt_id = OLD.id AND settled_at IS NOT NULL;
END;
CREATE INDEX attempts_typed ON attempts (host, finished_at) WHERE typed_at IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('prompts',13);
INSERT INTO "sqlite_sequence" VALUES('attempts',7);
COMMIT;
PRAGMA user_version = 6;

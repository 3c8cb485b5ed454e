-- Generated from sql/goals by `make schema`: do not edit.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE visions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    content    TEXT NOT NULL CHECK (content <> ''),
    status     TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'completed', 'cancelled')),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    updated_by TEXT NOT NULL
) STRICT;

CREATE TABLE sqlite_sequence(name,seq);

CREATE TABLE goals (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    vision_id  INTEGER REFERENCES visions (id),
    content    TEXT NOT NULL CHECK (content <> ''),
    status     TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'completed', 'cancelled')),
    project    TEXT NOT NULL,
    priority   INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    updated_by TEXT NOT NULL
) STRICT;

CREATE INDEX goals_vision ON goals (vision_id);

CREATE INDEX goals_active ON goals (priority DESC, created_at, id) WHERE status = 'active';

CREATE TABLE tasks (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    goal_id         INTEGER REFERENCES goals (id),
    content         TEXT NOT NULL CHECK (content <> ''),
    status          TEXT NOT NULL DEFAULT 'pending' CHECK (status IN
        ('pending', 'in_progress', 'completed', 'failed', 'cancelled')),
    project         TEXT NOT NULL,
    priority        INTEGER NOT NULL DEFAULT 0,
    after_id        INTEGER REFERENCES tasks (id) CHECK (after_id < id),
    target_session  TEXT,
    target_provider TEXT,
    working_dir     TEXT CHECK (working_dir LIKE '/%'),
    git_branch      TEXT,
    worktree        INTEGER NOT NULL DEFAULT 0 CHECK (worktree IN (0, 1)),
    env_vars        TEXT NOT NULL DEFAULT '{}',
    prerequisites   TEXT NOT NULL DEFAULT '[]',
    metadata        TEXT NOT NULL DEFAULT '{}',
    tags            TEXT NOT NULL DEFAULT '[]',
    timeout_seconds REAL CHECK (timeout_seconds > 0),
    idempotent      INTEGER NOT NULL DEFAULT 0 CHECK (idempotent IN (0, 1)),
    check_command   TEXT CHECK (check_command <> ''),
    check_timeout_seconds REAL
        CHECK (check_timeout_seconds IS NULL
               OR (check_timeout_seconds > 0 AND check_command IS NOT NULL)),
    attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts    INTEGER NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
    not_before      TEXT,               -- of a failed task that is tried again
    prompt_id       INTEGER,            -- the prompt that it last became
    error           TEXT,
    dedup_key       TEXT UNIQUE,
    created_at      TEXT NOT NULL,
    started_at      TEXT,
    completed_at    TEXT,
    updated_at      TEXT NOT NULL,
    updated_by      TEXT NOT NULL
) STRICT;

CREATE INDEX tasks_pending ON tasks (project, priority DESC, created_at, id)
    WHERE status = 'pending';

CREATE INDEX tasks_open ON tasks (priority DESC, created_at, id)
    WHERE status IN ('pending', 'in_progress');

CREATE INDEX tasks_goal ON tasks (goal_id, id);

CREATE INDEX tasks_status ON tasks (status, id);

CREATE TABLE sqlite_stat1(tbl,idx,stat);

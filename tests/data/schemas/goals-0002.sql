BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'assigner','0001-first','2026-11-21 20:42:10.527120+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'assigner','0002-checks','2026-11-21 20:42:10.528021+00:00');
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
INSERT INTO "goals" VALUES(1,1,'a goal','active','app',0,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','test');
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO "meta" VALUES('instance','cafe0000');
ANALYZE "sqlite_master";
INSERT INTO "sqlite_stat1" VALUES('tasks','tasks_pending','100000 5000 500 2 1');
INSERT INTO "sqlite_stat1" VALUES('tasks','tasks_open','100000 10000 2 1');
INSERT INTO "sqlite_stat1" VALUES('tasks','tasks_goal','100000 20 1');
INSERT INTO "sqlite_stat1" VALUES('tasks','tasks_status','100000 20000 1');
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
    attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts    INTEGER NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
    not_before      TEXT,               -- failed, and to be tried again then
    prompt_id       INTEGER,            -- the prompt that it last became
    error           TEXT,
    dedup_key       TEXT UNIQUE,
    created_at      TEXT NOT NULL,
    started_at      TEXT,
    completed_at    TEXT,
    updated_at      TEXT NOT NULL,
    updated_by      TEXT NOT NULL
, check_command TEXT CHECK (check_command <> ''), check_timeout_seconds REAL
    CHECK (check_timeout_seconds IS NULL
           OR (check_timeout_seconds > 0 AND check_command IS NOT NULL))) STRICT;
INSERT INTO "tasks" VALUES(1,1,'waits','pending','app',0,NULL,NULL,NULL,NULL,NULL,0,'{}','[]','{}','[]',NULL,0,0,3,NULL,NULL,NULL,NULL,'2026-01-02T03:04:05.000Z',NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL);
INSERT INTO "tasks" VALUES(2,1,'runs','in_progress','app',0,NULL,NULL,NULL,NULL,NULL,0,'{}','[]','{}','[]',NULL,0,1,3,NULL,2,NULL,NULL,'2026-01-02T03:04:05.000Z',NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL);
INSERT INTO "tasks" VALUES(3,1,'has failed','failed','app',0,NULL,NULL,NULL,NULL,NULL,0,'{}','[]','{}','[]',NULL,0,1,3,'2020-01-02T03:04:05.000Z',4,NULL,NULL,'2026-01-02T03:04:05.000Z',NULL,NULL,'2026-01-02T03:04:05.000Z','test',NULL,NULL);
INSERT INTO "tasks" VALUES(4,1,'is done','completed','app',0,NULL,NULL,NULL,NULL,NULL,0,'{}','[]','{}','[]',NULL,0,1,3,NULL,1,NULL,NULL,'2026-01-02T03:04:05.000Z',NULL,'2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','test',NULL,NULL);
CREATE TABLE visions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    content    TEXT NOT NULL CHECK (content <> ''),
    status     TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'completed', 'cancelled')),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    updated_by TEXT NOT NULL
) STRICT;
INSERT INTO "visions" VALUES(1,'a vision','active','2026-01-02T03:04:05.000Z','2026-01-02T03:04:05.000Z','test');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX goals_vision ON goals (vision_id);
CREATE INDEX goals_active ON goals (priority DESC, created_at, id) WHERE status = 'active';
CREATE INDEX tasks_pending ON tasks (project, priority DESC, created_at, id)
    WHERE status = 'pending';
CREATE INDEX tasks_open ON tasks (priority DESC, created_at, id)
    WHERE status IN ('pending', 'in_progress');
CREATE INDEX tasks_goal ON tasks (goal_id, id);
CREATE INDEX tasks_status ON tasks (status, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('visions',1);
INSERT INTO "sqlite_sequence" VALUES('goals',1);
INSERT INTO "sqlite_sequence" VALUES('tasks',4);
COMMIT;
PRAGMA user_version = 2;

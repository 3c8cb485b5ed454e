-- What unattended work needs: pauses, kept contexts, working trees of prompts' own.

-- What a person has stopped: a provider, or everything ('').  A paused session says so itself.
CREATE TABLE pauses (
    host      TEXT NOT NULL,
    provider  TEXT NOT NULL DEFAULT '',
    paused_at TEXT NOT NULL,
    paused_by TEXT NOT NULL,
    PRIMARY KEY (host, provider)
) STRICT, WITHOUT ROWID;

-- A context under a name, to bring a session back into it later.
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

-- Whether the prompt runs in a working tree of its own, made under the state directory.
ALTER TABLE prompts ADD COLUMN worktree INTEGER NOT NULL DEFAULT 0
    CHECK (worktree = 0 OR (worktree = 1 AND git_branch IS NOT NULL));

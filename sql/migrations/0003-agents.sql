-- What agents need.

-- Whether the prompt has to say itself that it is done.
ALTER TABLE prompts ADD COLUMN sentinel INTEGER NOT NULL DEFAULT 0 CHECK (sentinel IN (0, 1));

-- Which conversation of a one-shot agent the prompts of one affinity share.
CREATE TABLE conversations (
    host         TEXT NOT NULL,
    provider     TEXT NOT NULL,
    affinity     TEXT NOT NULL,
    conversation TEXT NOT NULL,
    used_at      TEXT NOT NULL,
    PRIMARY KEY (host, provider, affinity)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_used ON conversations (used_at);

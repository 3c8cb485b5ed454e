INSERT INTO conversations (host, provider, affinity, conversation, used_at)
VALUES (:host, :provider, :affinity, :conversation, :now)
ON CONFLICT (host, provider, affinity) DO UPDATE SET conversation = :conversation, used_at = :now;

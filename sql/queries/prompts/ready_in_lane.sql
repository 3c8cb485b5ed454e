-- The head of one lane, in the order in which it is served.  A lane is a target session and a
-- target provider, each possibly null.  The index prompts_ready has each lane sorted, so that a
-- long lane does not hide the others and nothing needs to be sorted.
SELECT * FROM prompts
WHERE host = :host AND status = 'pending' AND held_by IS NULL
  AND target_session IS :target_session AND target_provider IS :target_provider
ORDER BY priority DESC, created_at, id
LIMIT :limit OFFSET :offset;

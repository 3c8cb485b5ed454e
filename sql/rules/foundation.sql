-- Work that a profile has given is settled when its prompt has ended, not before.
SELECT 'prompt ' || w.prompt_id || ' of profile ' || w.session || ' is settled, but still '
       || p.status AS wrong, w.prompt_id AS id, 'reopen work' AS repair
FROM profile_work w JOIN prompts p ON p.id = w.prompt_id
WHERE w.settled_at IS NOT NULL AND p.status IN ('pending', 'assigned', 'in_progress')
UNION ALL
-- Only a person knows which host is right.
SELECT 'prompt ' || w.prompt_id || ' belongs to host ' || p.host || ', but its profile '
       || w.session || ' to host ' || w.host, w.prompt_id, NULL
FROM profile_work w JOIN prompts p ON p.id = w.prompt_id
WHERE w.host <> p.host;

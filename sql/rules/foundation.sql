-- Work that a profile gave is settled once its prompt has ended, and not before.
SELECT 'prompt ' || w.prompt_id || ' of profile ' || w.session || ' is settled, and ' || p.status
    AS wrong
FROM foundation_work w JOIN prompts p ON p.id = w.prompt_id
WHERE w.settled_at IS NOT NULL AND p.status IN ('pending', 'assigned', 'in_progress')
UNION ALL
SELECT 'prompt ' || w.prompt_id || ' is of host ' || p.host || ', its profile ' || w.session
    || ' of ' || w.host
FROM foundation_work w JOIN prompts p ON p.id = w.prompt_id
WHERE w.host <> p.host;

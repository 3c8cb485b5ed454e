-- The groups of prompts that one cause holds and the same sessions may take, each with its first
-- prompt and the cause that would hold that now: those where the two differ.  Each group is found by
-- one jump in the index prompts_held_lanes, however many prompts it has.
WITH RECURSIVE causes (held_by) AS
    (VALUES ('target missing'), ('pause'), ('limit'), ('login'), ('outage'), ('rest'), ('untested')),
found (id) AS (
    SELECT (SELECT p.id FROM prompts p
            WHERE p.host = :host AND p.held_by = c.held_by
            ORDER BY p.held_on,
                     coalesce('session ' || p.target_session, 'provider ' || p.target_provider, '')
            LIMIT 1)
    FROM causes c
    UNION ALL
    SELECT (SELECT p.id FROM prompts p
            WHERE p.host = :host AND p.held_by = q.held_by
              AND (p.held_on,
                   coalesce('session ' || p.target_session, 'provider ' || p.target_provider, ''))
                > (q.held_on,
                   coalesce('session ' || q.target_session, 'provider ' || q.target_provider, ''))
            ORDER BY p.held_on,
                     coalesce('session ' || p.target_session, 'provider ' || p.target_provider, '')
            LIMIT 1)
    FROM found f JOIN prompts q ON q.id = f.id
)
SELECT p.held_by AS was_by, p.held_on AS was_on, p.target_session, p.target_provider,
       h.held_by, h.held_on
FROM found f JOIN prompts p ON p.id = f.id JOIN prompt_holds h ON h.id = p.id
WHERE h.held_by IS NOT p.held_by OR h.held_on IS NOT p.held_on;

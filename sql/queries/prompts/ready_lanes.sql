-- The lanes of ready prompts that a cause holds now; each lane is found by one jump in the index
-- prompts_ready.
WITH RECURSIVE named (id) AS (
    SELECT (SELECT p.id FROM prompts p
            WHERE p.host = :host AND p.status = 'pending' AND p.held_by IS NULL
              AND p.target_session > '' ORDER BY p.target_session LIMIT 1)
    UNION ALL
    SELECT (SELECT p.id FROM prompts p
            WHERE p.host = :host AND p.status = 'pending' AND p.held_by IS NULL
              AND p.target_session > q.target_session ORDER BY p.target_session LIMIT 1)
    FROM named n JOIN prompts q ON q.id = n.id
),
provided (id) AS (
    SELECT (SELECT p.id FROM prompts p
            WHERE p.host = :host AND p.status = 'pending' AND p.held_by IS NULL
              AND p.target_session IS NULL AND p.target_provider > ''
            ORDER BY p.target_provider LIMIT 1)
    UNION ALL
    SELECT (SELECT p.id FROM prompts p
            WHERE p.host = :host AND p.status = 'pending' AND p.held_by IS NULL
              AND p.target_session IS NULL AND p.target_provider > q.target_provider
            ORDER BY p.target_provider LIMIT 1)
    FROM provided n JOIN prompts q ON q.id = n.id
)
SELECT p.target_session, p.target_provider, h.held_by, h.held_on
FROM (SELECT id FROM named UNION ALL SELECT id FROM provided) AS f
JOIN prompts p ON p.id = f.id JOIN prompt_holds h ON h.id = p.id
WHERE h.held_by IS NOT NULL;

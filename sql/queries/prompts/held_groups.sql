-- The causes that hold prompts, except other prompts and times.
SELECT held_by, held_on, count(*) AS prompts FROM prompts
WHERE host = :host AND held_by IS NOT NULL AND held_by IN ('target missing', 'tree in use', 'pause')
GROUP BY held_by, held_on ORDER BY held_by, held_on;

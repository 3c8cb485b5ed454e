-- The number of prompts that wait for each cause; uses the index prompts_held.
SELECT held_by, count(*) AS prompts FROM prompts
WHERE host = :host AND held_by IS NOT NULL GROUP BY held_by;

-- Whether any prompt waits only for a session.
SELECT 1 AS found FROM prompts WHERE host = :host AND status = 'pending' AND held_by IS NULL LIMIT 1;

-- How much a session was given since then.
SELECT count(*) AS given FROM foundation_work
WHERE host = :host AND session = :session AND assigned_at > :since;

-- How much work a session was given since :since.
SELECT count(*) AS given FROM foundation_work
WHERE host = :host AND session = :session AND assigned_at > :since;

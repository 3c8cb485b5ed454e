-- How much work a session was given since :since.
SELECT count(*) AS given FROM profile_work
WHERE host = :host AND session = :session AND assigned_at > :since;

-- How much work a session has got since :since.
SELECT count(*) AS given FROM profile_work
WHERE host = :host AND session = :session AND assigned_at > :since;

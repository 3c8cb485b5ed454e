-- How much work a session has got since :since.
SELECT count(*) AS given FROM foundation_work
WHERE host = :host AND session = :session AND assigned_at > :since;

-- Whether any attempt was made in a session.
SELECT 1 AS found FROM attempts WHERE host = :host AND session = :session LIMIT 1;

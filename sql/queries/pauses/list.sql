-- The paused providers; '' means everything.
SELECT * FROM pauses WHERE host = :host ORDER BY provider;

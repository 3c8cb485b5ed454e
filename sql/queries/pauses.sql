-- The providers that are paused; '' stands for everything.
SELECT * FROM pauses WHERE host = :host ORDER BY provider;

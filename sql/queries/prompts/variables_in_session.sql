-- The variables of the prompts that a session was given, the latest ones.
SELECT p.env_vars FROM attempts a JOIN prompts p ON p.id = a.prompt_id
WHERE a.host = :host AND a.session = :session ORDER BY a.id DESC LIMIT 1000;

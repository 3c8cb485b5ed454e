-- Earlier claims of one-shot commands for the same affinity: a conversation has one prompt at a time.
SELECT a.prompt_id, s.command FROM attempts a JOIN prompts p ON p.id = a.prompt_id
JOIN sessions s ON s.host = a.host AND s.name = a.session
WHERE a.host = :host AND a.outcome IS NULL AND a.id < :id AND p.affinity = :affinity
  AND s.command IS NOT NULL
ORDER BY a.id;

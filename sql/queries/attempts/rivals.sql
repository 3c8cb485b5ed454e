-- Attempts in other sessions of the provider that were typed before :at and had not ended at :at.
SELECT a.evidence, p.content FROM attempts a JOIN prompts p ON p.id = a.prompt_id
WHERE a.host = :host AND a.outcome IS NULL AND a.typed_at <= :at AND a.session <> :session
  AND EXISTS (SELECT 1 FROM sessions s
              WHERE s.host = a.host AND s.name = a.session AND s.provider = :provider)
UNION ALL
SELECT a.evidence, p.content FROM attempts a JOIN prompts p ON p.id = a.prompt_id
WHERE a.host = :host AND a.finished_at >= :at AND a.typed_at IS NOT NULL AND a.typed_at <= :at
  AND a.session <> :session
  AND EXISTS (SELECT 1 FROM sessions s
              WHERE s.host = a.host AND s.name = a.session AND s.provider = :provider);

-- Enrolled idle sessions without pause, attempt, or cause to take no prompts; uses the index
-- sessions_ready.
SELECT * FROM sessions s
WHERE host = :host AND status = 'idle' AND enrolled = 1 AND paused = 0
  AND NOT EXISTS (SELECT 1 FROM attempts a
                  WHERE a.host = s.host AND a.session = s.name AND a.outcome IS NULL)
  AND NOT EXISTS (SELECT 1 FROM pauses x WHERE x.host = s.host AND x.provider IN ('', s.provider))
  AND NOT EXISTS (SELECT 1 FROM session_holds h
                  WHERE h.host = s.host AND h.name = s.name AND h.held_by IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM agent_versions v
                  WHERE v.host = s.host AND v.provider = s.provider AND v.version = s.agent_version
                    AND v.probation_until > :now)
ORDER BY name;

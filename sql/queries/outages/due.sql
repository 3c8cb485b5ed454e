-- Rests that are over, and tries whose prompt has no attempt any more.
SELECT o.* FROM outages o
WHERE o.host = :host
  AND ((o.state = 'resting' AND o.resting_until <= :now)
       OR (o.state = 'probing' AND NOT EXISTS
           (SELECT 1 FROM attempts a WHERE a.prompt_id = o.prompt_id AND a.outcome IS NULL)));

-- The stored number of prompts of each status is the real one.
SELECT status || ': ' || sum(stored) || ' prompts stored as the count, but there are ' || sum(found)
       AS wrong, status AS id, 'recount' AS repair
FROM (SELECT host, status, prompts AS stored, 0 AS found FROM prompt_counts
      UNION ALL
      SELECT host, status, 0, count(*) FROM prompts GROUP BY host, status) AS listed
GROUP BY host, status HAVING sum(stored) <> sum(found);

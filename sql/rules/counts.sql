-- The counts of prompts by status are right.
SELECT status || ': counted ' || kept || ', there are ' || there AS wrong
FROM (SELECT host, status, sum(kept) AS kept, sum(there) AS there
      FROM (SELECT host, status, prompts AS kept, 0 AS there FROM prompt_counts
            UNION ALL
            SELECT host, status, 0, count(*) FROM prompts GROUP BY host, status) AS listed
      GROUP BY host, status) AS compared
WHERE kept <> there;

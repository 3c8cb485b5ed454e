-- Every attempt in a working tree wants the branch, and is on the host, of the tree's lease.
SELECT 'attempt ' || a.id || ' wants branch ' || p.git_branch || ' of ' || l.tree
       || ', but the lease keeps it on ' || coalesce(l.branch, 'no branch') AS wrong, a.id,
       CASE WHEN a.stage IN ('claimed', 'preparing', 'prepared')
            THEN 'release attempt' ELSE 'fail attempt' END AS repair
FROM attempts a JOIN prompts p ON p.id = a.prompt_id JOIN tree_leases l ON l.id = a.lease_id
WHERE a.outcome IS NULL AND p.git_branch <> coalesce(l.branch, '')
UNION ALL
SELECT 'attempt ' || a.id || ' of host ' || a.host || ' works in ' || l.tree || ' of host ' || l.host,
       a.id, CASE WHEN a.stage IN ('claimed', 'preparing', 'prepared')
                  THEN 'release attempt' ELSE 'fail attempt' END
FROM attempts a JOIN tree_leases l ON l.id = a.lease_id
WHERE a.outcome IS NULL AND a.host <> l.host;

-- All attempts in a working tree need the branch on which it is kept.
SELECT 'attempt ' || a.id || ' wants branch ' || p.git_branch || ' of ' || l.tree
    || ', which is kept on ' || coalesce(l.branch, 'none') AS wrong
FROM attempts a JOIN prompts p ON p.id = a.prompt_id JOIN leases l ON l.id = a.lease_id
WHERE a.outcome IS NULL AND p.git_branch <> coalesce(l.branch, '')
UNION ALL
SELECT 'attempt ' || a.id || ' of host ' || a.host || ' works in ' || l.tree || ' of host ' || l.host
FROM attempts a JOIN leases l ON l.id = a.lease_id
WHERE a.host <> l.host;

-- Every working tree in use, and the first prompt that uses it.
SELECT l.*, min(a.prompt_id) AS prompt_id
FROM tree_leases l LEFT JOIN attempts a ON a.lease_id = l.id
WHERE l.host = :host GROUP BY l.id;

-- The last attempt in a working tree gives up the lease.
DELETE FROM tree_leases WHERE id = :id
AND NOT EXISTS (SELECT 1 FROM attempts WHERE lease_id = :id AND outcome IS NULL);

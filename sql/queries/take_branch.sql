-- The first attempt that names a branch fixes it for all that share the tree.
UPDATE leases SET branch = :branch WHERE id = :id AND branch IS NULL;

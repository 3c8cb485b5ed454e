"""Everything that outlives a pass: the database and the state directory."""

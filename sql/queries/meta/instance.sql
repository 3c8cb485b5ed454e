-- The name of this database, for tmux options and buffers.
SELECT value FROM meta WHERE name = 'instance';

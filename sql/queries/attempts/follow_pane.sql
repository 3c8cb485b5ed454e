-- A pass restarted the agent: the pane has another process.
UPDATE attempts SET pane_pid = :pane_pid, updated_at = :now, updated_by = :by
WHERE id = :id AND outcome IS NULL;

-- Its agent has begun a conversation while no prompt ran there.
UPDATE sessions SET conversation = :conversation, updated_at = :now, updated_by = :by
WHERE host = :host AND provider = :provider AND server_pid = :server_pid AND pane_id = :pane_id
  AND status <> 'offline' AND current_task_id IS NULL;

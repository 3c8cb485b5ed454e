-- The last attempt of a failed prompt does not count: it did not reach its model.
UPDATE prompts SET attempts = attempts - 1, updated_at = :now, updated_by = :by
WHERE id = :id AND status = 'failed' AND attempts > 0
  AND (SELECT a.failure_class FROM attempts a WHERE a.prompt_id = prompts.id
       ORDER BY a.number DESC LIMIT 1) = 'api';

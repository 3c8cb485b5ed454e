-- The number of prompts of a status that ended long ago and will not be retried.
SELECT count(*) AS prompts, min(completed_at) AS oldest FROM prompts
WHERE status = :status AND host = :host AND completed_at < :before AND retry_at IS NULL;

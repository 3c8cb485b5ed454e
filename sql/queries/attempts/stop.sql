-- What is about to be sent, committed before it is sent.
UPDATE attempts
SET ending = :ending, signal = :signal, signalled_at = :at, updated_at = :now, updated_by = :by
WHERE id = :id AND outcome IS NULL;

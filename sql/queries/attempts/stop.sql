-- Record the signal and the reason; the pass commits this before it sends the signal.
UPDATE attempts
SET stop_reason = :stop_reason, stop_signal = :stop_signal, stop_signal_at = :at, updated_at = :now, updated_by = :by
WHERE id = :id AND outcome IS NULL;

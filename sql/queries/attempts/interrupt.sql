-- The attempt has ended, but processes of it remain.
UPDATE attempts SET stop_reason = 'interrupted', updated_at = :now, updated_by = :by
WHERE id = :id AND stop_reason IS NULL AND outcome IS NULL;

-- The attempt has ended, but processes of it remain.
UPDATE attempts SET ending = 'interrupted', updated_at = :now, updated_by = :by
WHERE id = :id AND ending IS NULL AND outcome IS NULL;

-- It ended, and processes of it are left.
UPDATE attempts SET ending = 'interrupted', updated_at = :now, updated_by = :by
WHERE id = :id AND ending IS NULL AND outcome IS NULL;

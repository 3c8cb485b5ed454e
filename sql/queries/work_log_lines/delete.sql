DELETE FROM foundation_log WHERE id = :id;

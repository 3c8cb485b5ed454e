UPDATE checks SET output = NULL WHERE id = :id;

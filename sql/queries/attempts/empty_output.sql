UPDATE attempts SET output = NULL WHERE id = :id;

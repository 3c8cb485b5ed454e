SELECT * FROM visions WHERE id = :id;

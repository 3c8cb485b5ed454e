SELECT id, content, status FROM goals WHERE vision_id = :id ORDER BY id;

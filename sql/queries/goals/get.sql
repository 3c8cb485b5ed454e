SELECT g.*, v.content AS vision FROM goals AS g LEFT JOIN visions AS v ON v.id = g.vision_id
WHERE g.id = :id;

SELECT t.*, g.content AS goal, g.vision_id AS vision_id, v.content AS vision
FROM tasks AS t
LEFT JOIN goals AS g ON g.id = t.goal_id LEFT JOIN visions AS v ON v.id = g.vision_id
WHERE t.id = :id;

-- The goals for which tasks are generated, the most urgent first.
SELECT g.*, v.content AS vision FROM goals AS g LEFT JOIN visions AS v ON v.id = g.vision_id
WHERE g.status = 'active' ORDER BY g.priority DESC, g.created_at, g.id;

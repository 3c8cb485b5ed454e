SELECT v.*, (SELECT count(*) FROM goals AS g WHERE g.vision_id = v.id) AS goals
FROM visions AS v WHERE :status IS NULL OR v.status = :status ORDER BY v.id;

-- Prompts that await a review, the one that has waited longest first; uses the index prompts_review.
SELECT * FROM prompts
WHERE host = :host AND review = 'wanted' AND completed_at IS NOT NULL AND +status = 'completed'
ORDER BY completed_at, id LIMIT :limit;

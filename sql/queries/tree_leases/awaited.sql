-- The trees in use that a prompt has waited for since :since or longer, with the highest priority.
SELECT l.tree, max(p.priority) AS priority
FROM tree_leases l JOIN prompts p ON p.host = l.host AND p.held_by = 'tree in use' AND p.held_on = l.tree
WHERE l.host = :host AND p.ready_at <= :since
GROUP BY l.tree;

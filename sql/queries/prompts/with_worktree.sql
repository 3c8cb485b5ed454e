-- Prompts that ask for a separate working tree, and are open or await a retry or a review.
SELECT working_dir, git_branch, target_session, worktree FROM prompts
WHERE host = :host AND worktree = 1 AND completed_at IS NULL
UNION
SELECT working_dir, git_branch, target_session, worktree FROM prompts
WHERE host = :host AND worktree = 1 AND retry_at IS NOT NULL
UNION
SELECT working_dir, git_branch, target_session, worktree FROM prompts
WHERE host = :host AND worktree = 1 AND review = 'wanted' AND completed_at IS NOT NULL;

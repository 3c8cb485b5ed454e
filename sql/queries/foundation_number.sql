-- The how manyeth try of a task comes next.
SELECT coalesce(max(number), 0) + 1 AS number FROM foundation_work
WHERE goals = :goals AND task = :task;

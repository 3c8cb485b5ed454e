-- The tasks of a goals database that must not be given out: they are prompts already, or fail too often.
SELECT task FROM profile_work
WHERE host = :host AND settled_at IS NULL AND goals = :goals
UNION
SELECT task FROM profile_work WHERE goals = :goals AND retry_at > :now;

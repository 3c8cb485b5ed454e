-- The sessions whose rest is over.
SELECT name FROM sessions WHERE host = :host AND resting_until <= :now;

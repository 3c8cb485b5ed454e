-- Allow restarts of a session again after several failed ones.
UPDATE sessions SET quick_deaths = 0, given_up = NULL, updated_at = :now, updated_by = :by
WHERE host = :host AND name = :name AND (quick_deaths > 0 OR given_up IS NOT NULL);

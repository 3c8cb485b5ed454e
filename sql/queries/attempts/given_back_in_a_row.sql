-- How many of a prompt's last attempts were given back, without another outcome between them.
SELECT count(*) AS given_back FROM attempts
WHERE prompt_id = :prompt_id AND outcome = 'released'
  AND number > (SELECT coalesce(max(number), 0) FROM attempts
                WHERE prompt_id = :prompt_id AND outcome IS NOT NULL AND outcome <> 'released');

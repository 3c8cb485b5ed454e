SELECT coalesce(max(number), 0) + 1 AS number FROM attempts WHERE prompt_id = :prompt_id;

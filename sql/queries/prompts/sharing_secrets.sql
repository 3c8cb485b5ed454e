SELECT id FROM prompts WHERE secrets = :secrets LIMIT 1;

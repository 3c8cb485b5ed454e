SELECT id FROM prompts WHERE status = 'failed' AND host = :host ORDER BY id;

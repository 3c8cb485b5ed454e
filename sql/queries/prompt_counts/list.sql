SELECT status, prompts FROM prompt_counts WHERE host = :host;

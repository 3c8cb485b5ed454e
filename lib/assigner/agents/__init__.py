"""What each agent is: its rules (`providers/*.toml`) and how they are applied."""

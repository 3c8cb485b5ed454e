"""tmux, asked in bulk and typed to by compare-and-set."""

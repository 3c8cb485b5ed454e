"""Which prompt goes to which session."""

"""Panes as sessions: who is there, what each is doing, and starting them."""

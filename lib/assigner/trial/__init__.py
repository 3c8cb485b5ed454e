"""Tries an installed agent out: a new HOME, a tmux server of its own, and a model on loopback."""

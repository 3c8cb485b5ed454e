"""Typing a prompt exactly once (docs/delivery.md), and stopping it."""

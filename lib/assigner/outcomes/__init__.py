"""The outcome of a prompt, by evidence, best first."""

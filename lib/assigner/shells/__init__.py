"""The scripts that a shell runs for a prompt, and how to recognize its empty prompt.  Pure."""

"""What may run in a session.

shell     the prompt is a script for the session's own shell (bash, zsh)
command   a one-shot command, run in the session's shell, reads the prompt on standard input
"""

KNOWN = ("shell", "command")

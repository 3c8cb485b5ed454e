"""What the operating system gives: files, processes, programs, git, text from terminals.

Knows nothing of prompts.
"""

"""The versions of tmux and the shells on this machine, for tests that fail on some of them."""

import re
import subprocess

import pytest


def version(*command: str) -> tuple[int, ...]:
    """The first dotted number that a command prints: (3, 7) for `tmux 3.7c`; () if none."""
    try:
        out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    found = re.search(r"\d+(\.\d+)+", out)
    return tuple(map(int, found[0].split("."))) if found else ()


ZSH = version("zsh", "--version")


def skip_where_a_stopped_shell_leaves_no_prompt() -> None:
    if ZSH >= (5, 9, 2):
        pytest.skip("zsh 5.9.2 and newer: it shows no prompt after a stopped command is ended")

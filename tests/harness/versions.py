"""Which versions of tmux and the shells this machine has, for tests that some of them fail."""

import re
import subprocess

import pytest


def version(*command: str) -> tuple[int, ...]:
    """The first number with dots that a command prints: (3, 7) of `tmux 3.7c`; () for none."""
    try:
        out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    found = re.search(r"\d+(\.\d+)+", out)
    return tuple(map(int, found[0].split("."))) if found else ()


TMUX = version("tmux", "-V")
ZSH = version("zsh", "--version")

pastes_no_keys = pytest.mark.skipif(
    TMUX >= (3, 7), reason="tmux 3.7 and newer: control characters that are pasted arrive as text"
)


def skip_where_a_stopped_shell_leaves_no_prompt() -> None:
    if ZSH >= (5, 9, 2):
        pytest.skip("zsh 5.9.2 and newer: it shows no prompt after a stopped command is ended")

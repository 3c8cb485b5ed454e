"""A recorded screen of a shell is judged by what judges a live one."""

import pytest

from assigner.errors import UsageError
from assigner.sessions import recorded

BASH = "7 comm=bash state={} pgrp=7 tpgid={} cwd=/ :: bash"
VIM = "  9 comm=vim state=S pgrp=9 tpgid=9 cwd=/ :: vim"


@pytest.mark.parametrize(
    ("meta", "status"),
    [
        ({"pane_dead": "1"}, "offline"),
        ({"pane_in_mode": "1"}, "occupied"),
        ({"pane_input_off": 1}, "occupied"),
        ({"tree": [BASH.format("T", 7)]}, "waiting"),
        ({"tree": [BASH.format("R", 7)]}, "busy"),
        ({"tree": [BASH.format("S", 7)]}, "idle"),
        ({"tree": [BASH.format("S", 9), VIM], "alternate_on": "1"}, "occupied"),
        ({"tree": [BASH.format("S", 9), VIM]}, "busy"),
        ({"tree": ["7 comm=python3 state=S pgrp=7 tpgid=7 "]}, "unknown"),
        ({"pane_current_command": "vim", "alternate_on": "1"}, "occupied"),
        ({"pane_current_command": "dash"}, "idle"),
        ({"cursor": "3,0"}, "occupied"),
        ({"cursor": "0,-9"}, "occupied"),
    ],
)
def test_a_recorded_screen(meta: dict[str, object], status: str) -> None:
    shown = {"pane_current_command": "bash", "cursor": "2,1", **meta}
    assert recorded.judge("$ ls\n$ \n", shown)[0] == status


def test_a_cursor_that_is_none() -> None:
    with pytest.raises(UsageError):
        recorded.judge("$ ", {"cursor": "here"})

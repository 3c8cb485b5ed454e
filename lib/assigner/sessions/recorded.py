"""A recorded screen of a shell, judged as a live one (`inspect --screen`)."""

import re
from collections.abc import Mapping

from assigner.errors import UsageError
from assigner.sessions import look, shell_sight
from assigner.sessions.sight import Known
from assigner.shells import prompt_line
from assigner.shells.dialects import DIALECTS
from assigner.tmux import panes

# The endings of most shells' prompts: a recording does not include those learned of its session
_USUAL = tuple(prompt_line.Ending(f"{symbol} ", 1, right=True) for symbol in "$%#>")
_PROCESS = re.compile(r"\s*\d+ comm=(.*) state=(\S) pgrp=(\d+) tpgid=(-?\d+) ")


def judge(text: str, meta: Mapping[str, object]) -> tuple[str, str]:
    """Status and reason of a recorded screen of a shell (`inspect --screen`), as of a live one.

    `text` is what capture-pane -p showed; `meta` has the format variables by name, `cursor` as
    "x,y", and in `tree` a line for each process of the pane, the shell's first, with `comm=`,
    `state=`, `pgrp=`, `tpgid=` in that order.  UsageError for a malformed cursor.
    """
    pane = _pane(meta)
    if over := look.ended(pane):
        return over.status, over.reason
    command = str(meta.get("pane_current_command", ""))
    tree = meta.get("tree")
    lines = [_PROCESS.match(str(line)) for line in tree] if isinstance(tree, list) else []
    processes = [line.groups() for line in lines if line]
    known = Known(endings=_USUAL)
    if processes:
        shell, state, group, foreground = processes[0]
        if shell not in DIALECTS:
            return "unknown", look.UNKNOWN_PROGRAM.format(shell)
        others = [name for name, _, own, _ in processes if own == foreground != group]
        front = others[0] if others else None if foreground == group else command
    else:
        shell, state, front = command, "S", None if command in DIALECTS else command
    if front is None:  # a recording does not show whether the shell edits a line: guess
        editing = DIALECTS[shell].edits and state == "S"
    else:
        editing = str(meta.get("alternate_on", "0")) == "1"
    outside = shell_sight.Outside(shell, state, front, ours=False, editing=editing, echo=True)
    sight = shell_sight.of_shell(pane, known, outside, list, None)
    if sight.status == "idle":
        rows = text.split("\n")
        line = rows[pane.cursor_y] if 0 <= pane.cursor_y < len(rows) else ""
        below = any(row.strip() for row in rows[pane.cursor_y + 1 :])
        shown = panes.Line(pane.cursor_x, pane.cursor_y, command, line, below)
        sight = shell_sight.from_line(0.0, sight, known, shown, 0.0)
    return sight.status, sight.reason


def _pane(meta: Mapping[str, object]) -> panes.Pane:
    def is_set(name: str) -> bool:
        return str(meta.get(name, "0")) not in ("", "0")

    try:
        column, row = (int(part) for part in str(meta.get("cursor", "0,0")).split(","))
    except ValueError:
        raise UsageError(f"the cursor '{meta['cursor']}' is not of the form X,Y") from None
    return panes.Pane(
        socket="", session="", window=0, index=0, alone=True, server_pid=0, server_start=0,
        id="", pid=0, tty="", dead=is_set("pane_dead"),
        dead_status=str(meta.get("pane_dead_status", "")), in_mode=is_set("pane_in_mode"),
        input_off=is_set("pane_input_off"), cursor_x=column, cursor_y=row, activity=0, attached=0,
        client_activity=0,
    )  # fmt: skip

"""Lists tmux's panes and reads their screens, in bulk."""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, NamedTuple

from assigner import clock
from assigner.errors import UsageError
from assigner.system import terminal_text
from assigner.tmux import client

_FIELDS = (
    "session_name", "window_index", "pane_index", "session_panes", "pid", "start_time", "pane_id",
    "pane_pid", "pane_tty", "pane_dead", "pane_dead_status", "pane_in_mode", "pane_input_off",
    "cursor_x", "cursor_y", "window_activity", "window_active_clients", "client_activity",
    "version",
)  # fmt: skip
_FORMATS = {
    "session_panes": "#{W:#{P:x}}",
    # tmux takes the creation of a session, too, for an activity
    "client_activity": "#{?session_last_attached,#{session_activity},0}",
}
_PANES = "\t".join(_FORMATS.get(field, f"#{{{field}}}") for field in _FIELDS)
ASIDE = "assigner-check-"  # the names of sessions that run checks: nothing is typed there
_ACTIVITY = attrgetter("client_activity")


class PaneId(NamedTuple):
    """Identifies a pane and the process in it.

    The server's start time is a part of it, since a restarted server uses %0 again.  The fields
    have the names of the database's columns.
    """

    socket: str
    server_pid: int
    server_start: int
    pane_id: str
    pane_pid: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "PaneId":
        """The PaneId in the row of a session or an attempt."""
        return cls(*(row[column] for column in cls._fields))

    @property
    def place(self) -> tuple[str, int, int, str]:
        """The pane alone, without the process in it."""
        return self[:4]

    @property
    def formats(self) -> dict[str, object]:
        """tmux's format variables, with the values that they have only in this pane."""
        return {
            "pid": self.server_pid,
            "start_time": self.server_start,
            "pane_id": self.pane_id,
            "pane_pid": self.pane_pid,
        }


@dataclass(frozen=True)
class Pane:
    """One pane as `list-panes` shows it.  Times are whole epoch seconds.

    `makes_safe`: its server shows pasted control characters as text unless paste-buffer has `-S`,
    which servers before 3.7 do not know.
    """

    socket: str
    session: str
    window: int
    index: int
    alone: bool
    server_pid: int
    server_start: int
    id: str
    pid: int
    tty: str
    dead: bool
    dead_status: str
    in_mode: bool
    input_off: bool
    cursor_x: int
    cursor_y: int
    activity: int
    attached: int
    client_activity: int
    makes_safe: bool = False

    @property
    def identity(self) -> PaneId:
        return PaneId(self.socket, self.server_pid, self.server_start, self.id, self.pid)


@dataclass(frozen=True)
class Line:
    """The cursor's line, whether text is below it, and the foreground command, at one moment.

    `above` is the text of the full lines above, which may continue in the cursor's line; `before`
    is the line before it, `width` that of the pane.  `last` is the stamp of the last text that any
    queue has typed in the pane.
    """

    cursor_x: int
    cursor_y: int
    command: str
    text: str
    below: bool = False
    above: str = ""
    last: int = 0
    before: str = ""
    width: int = 0


@dataclass(frozen=True)
class Screen:
    """The whole screen of a pane, with colors, and tmux's variables at that moment.

    `typed`, `typed_pid`, `entered`, `interrupted` and `respawned` are the stamps of keys.py;
    `last` is the stamp of the last text that any queue has typed in the pane; `touched` is when a
    person last pressed a key in its session, in epoch seconds.
    """

    cursor_x: int
    cursor_y: int
    cursor_flag: str
    in_mode: bool
    activity: int
    touched: int
    command: str
    title: str
    typed: int
    typed_pid: int
    entered: int
    interrupted: int
    respawned: int
    last: int
    colored: str


def panes(socket: str, timeout: float) -> list[Pane]:
    """Every pane of the server, in one call.  Raises NoServer, Unreachable.

    A pane whose window is linked to several sessions appears once for each of them.
    """
    found = []
    for text in client.listed(socket, timeout, _PANES):
        values = text.split("\t")
        if len(values) != len(_FIELDS):
            continue
        f = dict(zip(_FIELDS, values, strict=True))
        found.append(
            Pane(
                socket=socket,
                session=f["session_name"],
                window=int(f["window_index"]),
                index=int(f["pane_index"]),
                alone=f["session_panes"] == "x",
                server_pid=int(f["pid"]),
                server_start=int(f["start_time"]),
                id=f["pane_id"],
                pid=int(f["pane_pid"] or 0),  # next-3.8 has none for a dead pane
                tty=f["pane_tty"],
                dead=f["pane_dead"] == "1",
                dead_status=f["pane_dead_status"],
                in_mode=f["pane_in_mode"] not in ("", "0"),
                input_off=f["pane_input_off"] == "1",
                cursor_x=int(f["cursor_x"] or 0),
                cursor_y=int(f["cursor_y"] or 0),
                activity=int(f["window_activity"] or 0),
                attached=int(f["window_active_clients"] or 0),
                client_activity=int(f["client_activity"] or 0),
                makes_safe=_numbers(f["version"]) >= (3, 7),
            )
        )
    typed = {pane.id: pane.client_activity for pane in sorted(found, key=_ACTIVITY)}
    return [
        pane
        if pane.client_activity == typed[pane.id]
        else replace(pane, client_activity=typed[pane.id])
        for pane in found
    ]


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a tmux version: `3.7c` and `next-3.7` -> (3, 7)."""
    return tuple(map(int, re.findall(r"\d+", version)))


def cursor_lines(socket: str, timeout: float, wanted: Iterable[Pane]) -> dict[str, Line]:
    """The cursor's line of each pane, by pane id, in one call; omits panes that are gone."""
    mark, wanted = client.frame(), list(wanted)
    rows = {pane.id: pane.cursor_y for pane in wanted}
    script = [
        f"display-message -p -t {pane.id}"
        f" '{mark} #{{pane_id}} #{{cursor_x}} #{{cursor_y}} #{{pane_width}} {client.number(LAST)}x"
        " #{pane_current_command}'\n"
        f"capture-pane -p -t {pane.id} -S {max(0, pane.cursor_y - _ABOVE)}"
        for pane in wanted
    ]
    found = {}
    for head, text in client.framed(client.source(socket, timeout, script), mark):
        pane_id, x, y, width, last, command = (*head.split(" ", 5), *[""] * 6)[:6]
        if pane_id.startswith("%"):
            lines = text.split("\n")
            at = min(rows[pane_id], _ABOVE)
            line, *below = lines[at:] or [""]
            above = _full_above(lines[:at], int(width))
            under = any(map(str.strip, below))
            stamp = int(last[:-1] or 0)
            before = lines[at - 1] if at else ""
            found[pane_id] = Line(
                int(x), int(y), command, line, under, above, stamp, before, int(width)
            )
    return found


LAST = "@assigner_last"
_BEFORE_RIGHT = " " * 4  # between a line's text and a right prompt
_ABOVE = 5  # lines examined above the cursor's


def _full_above(lines: list[str], width: int) -> str:
    """The joined text of the lines at the end that fill every column, without right prompts."""
    full = itertools.takewhile(
        lambda line: terminal_text.width(line) >= width and _BEFORE_RIGHT not in line,
        reversed(lines),
    )
    return "".join(reversed(list(full)))


def screens(
    socket: str, timeout: float, instance: str, wanted: Iterable[Pane]
) -> dict[str, Screen]:
    """The screen of each pane, by pane id, in one call; omits panes that are gone."""
    mark = client.frame()
    names = (
        f"typed_{instance}", f"typed_{instance}_pid", f"entered_{instance}",
        f"interrupted_{instance}", f"respawned_{instance}",
    )  # fmt: skip
    options = " ".join(
        f"{client.number(name)}x" for name in (*(f"@assigner_{n}" for n in names), LAST)
    )
    head = (
        f"{mark} #{{pane_id}} #{{cursor_x}} #{{cursor_y}} #{{cursor_flag}} #{{pane_in_mode}}x"
        f" #{{window_activity}}x {_FORMATS['client_activity']}x {options}"
        "\t#{pane_current_command}\t#{pane_title}"
    )
    script = [
        f"display-message -p -t {pane.id} {client.quote(head)}\ncapture-pane -ep -t {pane.id}"
        for pane in wanted
    ]
    found = {}
    for line, text in client.framed(client.source(socket, timeout, script), mark):
        facts, command, title = (*line.split("\t", 2), "", "")[:3]
        if not facts.startswith("%"):
            continue  # the pane is gone
        pane_id, x, y, flag, *rest = facts.split(" ")
        mode, activity, touched, *stamps = (int(word[:-1] or 0) for word in rest)
        typed, typed_pid, entered, interrupted, respawned, last = stamps
        found[pane_id] = Screen(
            int(x), int(y), flag, bool(mode), activity, touched, command, title,
            typed, typed_pid, entered, interrupted, respawned, last, text,
        )  # fmt: skip
    return found


_RECORDED = (
    "pane_current_command", "alternate_on", "cursor_flag", "pane_pid", "pane_dead",
    "window_activity", "keypad_cursor_flag", "mouse_any_flag", "pane_in_mode", "history_size",
    "pane_width", "pane_height", "window_name", "pane_title",
)  # fmt: skip


def recording(socket: str, timeout: float, pane_id: str) -> tuple[dict[str, object], str]:
    """tmux's variables of a pane and its screen with colors, at one moment.

    Raises NoServer, Unreachable; UsageError if the pane is gone.
    """
    mark = client.frame()
    fields = "\t".join(f"#{{{name}}}" for name in ("cursor_x},#{cursor_y", *_RECORDED))
    script = [
        f"display-message -p -t {pane_id} {client.quote(f'{mark} {fields}')}",
        f"capture-pane -ep -t {pane_id}",
    ]
    for head, text in client.framed(client.source(socket, timeout, script), mark):
        cursor, *values = head.split("\t", len(_RECORDED))
        if len(values) == len(_RECORDED) and values[_RECORDED.index("pane_pid")]:
            found: dict[str, object] = dict(zip(_RECORDED, values, strict=True))
            return found | {"cursor": cursor, "now": int(clock.now())}, text.rstrip("\n")
    raise UsageError(f"the pane {pane_id} is gone")


def history(socket: str, timeout: float, wanted: Iterable[str]) -> dict[str, str]:
    """All text of each pane with its scrollback, by pane id; wrapped lines are joined."""
    mark = client.frame()
    script = [
        f"display-message -p -t {pane} '{mark} #{{pane_id}}'\ncapture-pane -p -J -t {pane} -S -"
        for pane in wanted
    ]
    found = client.framed(client.source(socket, timeout, script), mark)
    return {head: text for head, text in found if head.startswith("%")}


def server(socket: str, timeout: float) -> tuple[str, int]:
    """The version of the server at a socket, and its number of panes; '' as version if it does not
    understand this client.  Raises NoServer, Unreachable.
    """
    if lines := client.listed(socket, timeout, "#{version}"):
        return lines[0], len(lines)
    return _of_empty(socket, timeout, "version"), 0


def server_of(socket: str, timeout: float) -> int | None:
    """The process of a server that may have no session; None if it does not understand this client.
    Raises NoServer, Unreachable.
    """
    pid = _of_empty(socket, timeout, "pid")
    return int(pid) if pid.isdigit() else None


def _of_empty(socket: str, timeout: float, variable: str) -> str:
    return client.call(socket, timeout, "display-message", "-p", f"#{{{variable}}}")[0].strip()

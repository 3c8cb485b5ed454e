"""Typing into panes; the tmux server executes each stroke by compare-and-set.

A stroke has a number that only increases, and a stamp, which is an option of the pane.  The
condition, the stamp and the keys are one command list, which tmux executes with nothing in
between.  So the text is typed once, however often and however late the list is executed.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assigner.tmux import client, panes
from assigner.tmux.client import quote
from assigner.tmux.panes import Line, Pane

_SAFE_COMMAND = re.compile(r"[A-Za-z0-9_.+-]+\Z")

TYPED, ENTERED, INTERRUPTED, RESPAWNED = "typed", "entered", "interrupted", "respawned"
STARTED = "started"


@dataclass(frozen=True)
class Stroke:
    """What to type for an attempt, and the conditions for typing it.

    Pastes `text`, then sends `keys` as they are (`\\r` is Enter).  The pane's stamp of that name
    must be below `number`; typing sets it to `number`.  With `activity` (epoch seconds) the pane
    must not have written anything since then.  A `void` stroke types nothing, and blocks the stroke
    with the same number.  `program` replaces the pane's process instead of typing.  With `last`, no
    queue may have typed in the pane since that stamp was read.
    """

    attempt: int
    pane: Pane
    command: str
    text: str = ""
    keys: str = ""
    stamp: str = TYPED
    number: int = 0
    activity: int | None = None
    void: bool = False
    program: Sequence[str] = ()
    last: int | None = None


def line(attempt: int, pane: Pane, seen: Line, text: str) -> Stroke:
    """The stroke that types `text` and Enter to a shell; `seen` is the cursor's line before it."""
    return Stroke(attempt, pane, seen.command, text, "\r", number=attempt, last=seen.last)


def press(socket: str, timeout: float, instance: str, strokes: Iterable[Stroke]) -> dict[int, str]:
    """Type all strokes whose conditions hold, in one call.

    The result of each, by attempt: `typed`, or else the state of the pane.  An attempt is missing
    if tmux did not answer for it: use `stamps`.
    """
    mark = client.frame()
    script = [_script(stroke, instance, mark) for stroke in strokes]
    found = {}
    for head, _ in client.framed(client.source(socket, timeout, script), mark):
        attempt, _, answer = head.partition(" ")
        found[int(attempt)] = answer
    return found


def stamps(socket: str, timeout: float, instance: str) -> dict[str, tuple[int, int]]:
    """By pane id: the last attempt typed in the pane, and the pid of the process that got it.

    Raises NoServer, Unreachable.
    """
    option = f"@assigner_{TYPED}_{instance}"
    form = f"#{{pane_id}}\t{client.number(option)}\t{client.number(f'{option}_pid')}"
    found = {}
    for row in client.listed(socket, timeout, form):
        pane, attempt, pid = row.split("\t")
        if attempt.isdigit() and pid.isdigit():
            found[pane] = (int(attempt), int(pid))
    return found


def is_plain(command: str) -> bool:
    """Whether a program's name can be part of a condition, in which `,` and `}` are special."""
    return bool(_SAFE_COMMAND.match(command))


def _script(stroke: Stroke, instance: str, mark: str) -> str:
    pane, buffer = stroke.pane, f"assigner-{instance}-{stroke.attempt}"
    option = f"@assigner_{stroke.stamp}_{instance}"
    commands = [
        f"set-option -p -t {pane.id} {option} {stroke.number}",
        f"set-option -p -t {pane.id} {option}_pid {0 if stroke.void else pane.pid}",
    ]
    if stroke.text:  # before the stamp: if this fails, nothing is typed or stamped
        commands.insert(0, f"set-buffer -b {buffer} -- {quote(stroke.text)}")
        commands.append(f"paste-buffer -p -r -d -b {buffer} -t {pane.id}")
    if stroke.keys:
        commands.append(f"set-buffer -b {buffer} {quote(stroke.keys)}")
        raw = "-S " if pane.makes_safe else ""
        commands.append(f"paste-buffer {raw}-r -d -b {buffer} -t {pane.id}")
    if stroke.program:  # keep the pane when the program exits, so that it can be restarted
        words = " ".join(map(quote, stroke.program))
        commands.append(f"set-option -p -t {pane.id} remain-on-exit on")
        commands.append(f"respawn-pane -k -t {pane.id} {words}")
    if stroke.last is not None:
        stamp = int.from_bytes(os.urandom(3), "big") + 1
        commands.append(f"set-option -p -t {pane.id} {panes.LAST} {stamp}")
    answer = f"display-message -p -t {pane.id} '{mark} {stroke.attempt} "
    return (
        f"if-shell -F -t {pane.id} {quote(_condition(stroke, option))} {{ {' ; '.join(commands)} ;"
        f" {answer}typed' }} {{ {answer}refused pid=#{{pane_pid}} dead=#{{pane_dead}}"
        f" mode=#{{pane_mode}} input_off=#{{pane_input_off}} cursor=#{{cursor_x}},#{{cursor_y}}"
        f" {stroke.stamp}=#{{{option}}} command=#{{pane_current_command}}' }}"
    )


def _condition(stroke: Stroke, option: str) -> str:
    """All conditions for typing, as a tmux format (tmux(1), FORMATS)."""
    pane = stroke.pane
    wanted = pane.identity.formats
    if not stroke.void:
        assert is_plain(stroke.command)
        wanted |= {
            "pane_dead": 0,
            "pane_in_mode": 0,
            "pane_input_off": 0,
            "cursor_x": pane.cursor_x,
            "cursor_y": pane.cursor_y,
            "window_active_clients": pane.attached,
            "pane_current_command": stroke.command,
        }
    if stroke.activity is not None:
        wanted["window_activity"] = stroke.activity
    if stroke.last is not None:
        wanted[panes.LAST] = stroke.last or ""
    condition = f"#{{e|<:#{{{option}}},{stroke.number}}}"
    if stroke.void:  # a pass that died may have blocked it already
        again = f"#{{&&:#{{==:#{{{option}}},{stroke.number}}},#{{==:#{{{option}_pid}},0}}}}"
        condition = f"#{{||:{condition},{again}}}"
    return client.both(wanted, condition)

"""Starts sessions: creates them in tmux, or restarts a program in a pane whose program has ended.

Each start has its own file, which begins by removing itself: if the start and the next pass both
try, only one of them removes the file, and that one wins.  A late start finds no file.  So nothing
runs twice, even if processes are killed or tmux executes the start late.
"""

import contextlib
import os
import pwd
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from assigner import clock
from assigner.errors import AssignerError
from assigner.queue import sessions
from assigner.sessions import known_panes, look
from assigner.sessions.sight import Sight
from assigner.shells import fish, posix
from assigner.shells.dialects import DIALECTS
from assigner.store import state_dir
from assigner.store.database import Store
from assigner.store.rows import Session
from assigner.system import processes
from assigner.tmux import client, create, keys
from assigner.tmux import panes as tmux_panes


class Plan(NamedTuple):
    """A start: the directory, the sh command line `line`, and the variables to export before it.

    `login` is the shell whose start-up files run first.
    """

    directory: str
    line: str
    exports: Mapping[str, str]
    login: str | None = None


def login_shell() -> str:
    """The path of the user's login shell, or of another supported shell; /bin/sh without one."""
    entry = [pwd.getpwuid(os.getuid()).pw_shell] if _is_somebody() else []
    for shell in (os.environ.get("SHELL", ""), *entry, "bash"):
        path = shutil.which(shell)
        if path and os.path.basename(path) in DIALECTS:
            return path
    return "/bin/sh"


def _is_somebody() -> bool:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


def missing(line: str, path: str | None) -> str | None:
    """The program that a simple command line starts, if it is not in `path`; else None.

    Raises AssignerError if the line is not valid for sh.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise AssignerError(f"cannot start '{line}': {error}") from None
    if not words or any(mark in line for mark in "|&;<>$`(){}") or "=" in words[0]:
        return None
    return None if shutil.which(words[0], path=path) else words[0]


def begin(store: Store, session: Session, plan: Plan) -> str:
    """Commit that a session is about to be started.  Returns the path of its start file."""
    forget(store, session["name"])
    now = clock.now()
    path = store.settings.starts / f"{session['name']}.{int(now * 1000)}"
    remover = shutil.which("rm") or "/bin/rm"
    text = posix.starter(plan.exports, plan.directory, plan.line, file=str(path), rm=remover)
    state_dir.write(path, text)
    with store.transaction():
        sessions.begin_start(store, session, path.name)
    return str(path)


def forget(store: Store, name: str) -> None:
    """Remove the start files of a session, so that no earlier start takes effect."""
    for path in store.settings.starts.glob(f"{name}.*"):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def is_due(store: Store, session: Session) -> bool:
    """Whether the start file of a session exists but has not run yet."""
    return (
        session["start_file"] is not None
        and (store.settings.starts / session["start_file"]).exists()
    )


def cancel(store: Store, session: Session) -> None:
    """Remove a session's start file, and record that no pass waits for the start."""
    forget(store, session["name"])
    with store.transaction():
        sessions.end_start(store, session)


def start(store: Store, session: Session, plan: Plan, socket: str, *, stays: bool) -> str | None:
    """Start an offline session: in its own pane if that exists, else in a new tmux session on
    `socket`.  Returns why that is impossible, or None.  With `stays` a new pane outlives its
    program.

    Raises AssignerError if tmux refuses; NoServer or Unreachable if it cannot be asked.
    """
    name, timeout = session["name"], store.settings.tmux_timeout
    pane = _pane_of(session, timeout)
    if pane and pane.session != name:
        return f"the pane is in session '{pane.session}' now"
    if pane and not pane.dead:
        return into_shell(store, session, pane, plan)
    command = _command(begin(store, session, plan), plan)
    if pane is None:
        try:
            create.create(socket, timeout, name, plan.directory, command, stays=stays)
        except AssignerError:
            cancel(store, session)
            raise
    elif not create.revive(pane, timeout, command):
        return "the pane has changed"
    return None


def _pane_of(session: Session, timeout: float) -> tmux_panes.Pane | None:
    """The pane of an offline session, dead or left by its agent; None if it is gone."""
    if session["pane_id"] is None:
        return None
    try:
        panes = tmux_panes.panes(session["socket"], timeout)
    except client.NoServer:
        return None
    return next((pane for pane in panes if pane.identity == tmux_panes.PaneId.of(session)), None)


def into_shell(store: Store, session: Session, pane: tmux_panes.Pane, plan: Plan) -> str | None:
    """Restart an agent that has exited to its shell: type a line at the shell's empty prompt.

    Returns why that is impossible, or None.
    """
    sight = _shell_of(store, session, pane)
    if sight.line and sight.line.below and sight.status == "occupied":
        processes.erase_below(pane.tty)  # text that a killed agent left there
        sight = _shell_of(store, session, pane)
    if sight.status != "idle" or sight.line is None or sight.shell is None:
        return f"the shell is not at an empty prompt: {sight.reason}"
    if not keys.is_plain(sight.line.command):
        return f"unusual program name {sight.line.command!r}"
    path = begin(store, session, plan)
    number = int(path.rpartition(".")[2])
    text = f" /bin/sh {_quoted(path, sight.shell)}"
    there = replace(sight.pane, cursor_x=sight.line.cursor_x, cursor_y=sight.line.cursor_y)
    stroke = keys.Stroke(
        number, there, sight.line.command, text, "\r", stamp=keys.STARTED, number=number
    )
    answers = keys.press(pane.socket, store.settings.tmux_timeout, store.instance, [stroke])
    answer = answers.get(number, "tmux did not confirm the keystrokes")
    return None if answer == "typed" else answer


def _shell_of(store: Store, session: Session, pane: tmux_panes.Pane) -> Sight:
    """A look at the shell to which a session's agent has exited."""
    known = known_panes.expectations(session, None)._replace(
        provider="shell", given=True, learning="on"
    )
    return look.look(store, [(pane, known)], clock.now())[pane.socket, pane.id]


def _command(path: str, plan: Plan) -> Sequence[str]:
    if plan.login is None:
        return ["/bin/sh", path]
    # people set up their terminals in start-up files of login shells or of interactive ones
    quoted = _quoted(path, os.path.basename(plan.login))
    return [plan.login, "-l", "-i", "-c", f"exec /bin/sh {quoted}"]


def _quoted(word: str, shell: str) -> str:
    return fish.quote(word) if shell == "fish" else posix.quote(word)

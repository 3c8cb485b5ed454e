"""Sessions started: made in tmux, or begun again in a pane whose program has ended.

Each start has a file of its own, which removes itself as its first act: whoever removes it, the
start or the next pass, has won.  A start that comes late finds no file, so nothing runs twice,
whatever is killed and however late tmux carries it out.
"""

import contextlib
import os
import pwd
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from assigner import clock, files, fish, keyboard, looking, posix, proc, scanning, sessions, tmux
from assigner.db import Row, Store
from assigner.dialects import DIALECTS
from assigner.errors import AssignerError


class Plan(NamedTuple):
    """What a session becomes: the directory, the line in the words of sh, what is exported first;
    `login` is the shell whose start-up files come before all that.
    """

    directory: str
    line: str
    exports: Mapping[str, str]
    login: str | None = None


def login_shell() -> str:
    """The shell that a person's terminal has, if it is one that is known."""
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
    """The program that a line starts, if that is plain and is not on the PATH."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise AssignerError(f"cannot start '{line}': {error}") from None
    if not words or any(mark in line for mark in "|&;<>$`(){}") or "=" in words[0]:
        return None
    return None if shutil.which(words[0], path=path) else words[0]


def begin(store: Store, session: Row, plan: Plan) -> str:
    """Commit that a session is about to be started; the path of the file that does it."""
    forget(store, session["name"])
    now = clock.now()
    path = store.settings.starts / f"{session['name']}.{int(now * 1000)}"
    remover = shutil.which("rm") or "/bin/rm"
    text = posix.starter(plan.exports, plan.directory, plan.line, file=str(path), rm=remover)
    files.write(path, text)
    with store.transaction():
        sessions.begin_start(store, session, path.name)
    return str(path)


def forget(store: Store, name: str) -> None:
    """Have no earlier start of a session come to anything any more."""
    for path in store.settings.starts.glob(f"{name}.*"):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def is_due(store: Store, session: Row) -> bool:
    """Whether what is to start a session has not begun yet."""
    return (
        session["starting"] is not None and (store.settings.starts / session["starting"]).exists()
    )


def cancel(store: Store, session: Row) -> None:
    """What is being started there is not waited for any more."""
    forget(store, session["name"])
    with store.transaction():
        sessions.end_start(store, session)


def start(store: Store, session: Row, plan: Plan, socket: str, *, stays: bool) -> str | None:
    """Start a session that is offline: in its own pane if that is there, else tmux makes it at
    that socket; why that cannot be.  With `stays` its pane outlives what runs in it.

    AssignerError where tmux refuses; NoServer, Unreachable where it cannot be asked.
    """
    name, timeout = session["name"], store.settings.tmux_timeout
    pane = _pane_of(session, timeout)
    if pane and pane.session != name:
        return f"its pane is in session '{pane.session}' now"
    if pane and not pane.dead:
        return into_shell(store, session, pane, plan)
    command = _command(begin(store, session, plan), plan)
    if pane is None:
        try:
            tmux.create(socket, timeout, name, plan.directory, command, stays=stays)
        except AssignerError:
            cancel(store, session)
            raise
    elif not tmux.revive(pane, timeout, command):
        return "its pane has changed"
    return None


def _pane_of(session: Row, timeout: float) -> tmux.Pane | None:
    """The pane of a session that is offline, dead or left by its agent."""
    if session["pane_id"] is None:
        return None
    try:
        panes = tmux.panes(session["socket"], timeout)
    except tmux.NoServer:
        return None
    return next((pane for pane in panes if pane.identity == tmux.PaneId.of(session)), None)


def into_shell(store: Store, session: Row, pane: tmux.Pane, plan: Plan) -> str | None:
    """Start an agent that has left its shell from that again, by a line typed at its empty prompt;
    why that cannot be.
    """
    sight = _shell_of(store, session, pane)
    if sight.line and sight.line.below and sight.status == "occupied":
        proc.erase_below(pane.tty)  # what a killed agent has left there
        sight = _shell_of(store, session, pane)
    if sight.status != "idle" or sight.line is None or sight.shell is None:
        return f"its shell is not at an empty prompt: {sight.reason}"
    if not keyboard.is_plain(sight.line.command):
        return f"unusual program name {sight.line.command!r}"
    path = begin(store, session, plan)
    number = int(path.rpartition(".")[2])
    text = f" /bin/sh {_quoted(path, sight.shell)}"
    there = replace(sight.pane, cursor_x=sight.line.cursor_x, cursor_y=sight.line.cursor_y)
    stroke = keyboard.Stroke(
        number, there, sight.line.command, text, "\r", stamp=keyboard.STARTED, number=number
    )
    answers = keyboard.press(pane.socket, store.settings.tmux_timeout, store.instance, [stroke])
    answer = answers.get(number, "tmux did not confirm it")
    return None if answer == "typed" else answer


def _shell_of(store: Store, session: Row, pane: tmux.Pane) -> looking.Sight:
    """The shell that is left of an agent's session."""
    known = scanning.know(session, None)._replace(provider="shell", given=True, learn=1)
    return looking.look(store, [(pane, known)], clock.now())[pane.socket, pane.id]


def _command(path: str, plan: Plan) -> Sequence[str]:
    if plan.login is None:
        return ["/bin/sh", path]
    # what a person's terminal has is set for a login shell, or for one that is talked to
    quoted = _quoted(path, os.path.basename(plan.login))
    return [plan.login, "-l", "-i", "-c", f"exec /bin/sh {quoted}"]


def _quoted(word: str, shell: str) -> str:
    return fish.quote(word) if shell == "fish" else posix.quote(word)

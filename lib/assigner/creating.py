"""enroll --create: sessions that are not there yet are made."""

import os
import re
import shutil
import time
from collections.abc import Sequence
from typing import NamedTuple

from assigner import enrolling, files, proc, scanning, tmux
from assigner.db import Row, Store
from assigner.dialects import DIALECTS
from assigner.errors import AssignerError, UsageError
from assigner.looking import shell_of

# tmux expands `#`, rewrites `.` and `:`, and gives meaning to `=`, `$`, `@`, `%` and a first `-`
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\Z")
_POLL = 0.05


class Wish(NamedTuple):
    """How a session is to be: where it stands (None: here), which shell (None: tmux's), what
    reads its prompts if it is a one-shot executor.
    """

    directory: str | None
    shell: str | None
    command: str | None


def lacking(store: Store, names: Sequence[str], wish: Wish) -> list[str]:
    """The names for which a session is to be made.

    UsageError for one that tmux would change, a directory, shell or one-shot command that will
    not do, or a session that is there but not as it is wished.
    """
    enrolling.check(enrolling.Choice(command=wish.command))
    if wish.directory is not None and (problem := files.directory_problem(wish.directory)):
        raise UsageError(problem)
    if wish.shell is not None:
        _known_shell(wish.shell)
    return [name for name in names if _is_missing(store, name, wish)]


def create(store: Store, name: str, wish: Wish, *, settle: float, silent: str | None) -> Row:
    """Make a session on the first configured socket and enrol it; its row.

    For at most `settle` seconds its shell is waited for, and as long until it stands at its
    prompt; what is not ready by then is enrolled, and its row says why it is not.  `silent` is
    why the socket could not be asked.  AssignerError where nothing comes of it.
    """
    if silent is not None:
        raise AssignerError(f"cannot make the session '{name}': {silent}")
    directory = wish.directory or _here()
    if store.dry:
        provider, reason = "command" if wish.command else "shell", f"to be made in {directory}"
        planned = {"provider": provider, "enrolled": 1, "status": None, "status_reason": reason}
        return {"name": name, **planned}
    _make(store, name, directory, wish.shell and _known_shell(wish.shell), settle)
    scanning.scan(store)
    session = store.one("session", name=name)
    if session and session["status"] != "offline":
        session = enrolling.enroll(store, name, enrolling.Choice(command=wish.command))
        until = time.monotonic() + settle
        while session["status"] not in ("idle", "offline") and time.monotonic() < until:
            time.sleep(_POLL)
            scanning.scan(store)
            session = enrolling.find(store, name)
    if session is None or session["status"] == "offline":
        if session and session["enrolled"]:
            enrolling.leave(store, name)
        raise AssignerError(f"the new session '{name}' ended before it showed a prompt")
    process = proc.stat(session["pane_pid"])
    if process and shell_of(process) is None:  # a shell had started it, and is gone
        enrolling.leave(store, name)
        pane = session["pane_id"], session["pane_pid"]
        tmux.discard(session["socket"], store.settings.tmux_timeout, *pane)
        raise _no_shell(process.comm, name)
    return session


def _make(store: Store, name: str, directory: str, shell: str | None, settle: float) -> None:
    """Have tmux make a session, and wait until a known shell runs in it.

    AssignerError, and no session is left, where it comes to nothing.
    """
    socket, timeout = store.settings.sockets[0], store.settings.tmux_timeout
    try:
        pane, pid = tmux.create(socket, timeout, name, directory, [shell, "-l"] if shell else [])
        program = _shown_shell(pid, settle)
        if program and shell_of(program):
            return
        tmux.discard(socket, timeout, pane, pid)
    except tmux.Unreachable as error:
        raise AssignerError(f"cannot make the session '{name}' on '{socket}': {error}") from None
    except tmux.NoServer:
        program = None  # it was the server's last session
    if program is None:
        raise AssignerError(f"the new session '{name}' ended at once")
    raise _no_shell(program.comm, name)


def _no_shell(program: str, name: str) -> AssignerError:
    return AssignerError(
        f"no prompt can be typed to {program}, which ran in the new session '{name}':"
        f" give --shell ({', '.join(DIALECTS)})"
    )


def _shown_shell(pid: int, settle: float) -> proc.Stat | None:
    """The process of a new pane, once it is a known shell or time is up; None if it ended."""
    until = time.monotonic() + settle
    while True:
        process = proc.stat(pid)
        if process is None or process.state in "ZX":
            return None
        if shell_of(process) or time.monotonic() > until:
            return process
        time.sleep(_POLL)


def _is_missing(store: Store, name: str, wish: Wish) -> bool:
    """Whether that session is to be made; UsageError where it cannot be, or is another one."""
    row = store.one("session", name=name)
    if (row is None or row["status"] == "offline") and not enrolling.parts_of(store, name):
        if not _PLAIN_NAME.match(name):
            raise UsageError(
                f"not a name for a new session: '{name}' (letters, digits, _ and -, at most 64)"
            )
        return True
    session = enrolling.find(store, name)
    process = proc.stat(session["pane_pid"])
    if wish.shell is not None and process and process.comm != os.path.basename(wish.shell):
        raise UsageError(f"session '{name}' is there, and runs {process.comm}, not '{wish.shell}'")
    if wish.directory is not None:
        stands = proc.directory(session["pane_pid"])
        if stands != os.path.realpath(wish.directory):
            place = f"'{stands}'" if stands else "a directory that cannot be told"
            raise UsageError(
                f"session '{name}' is there, and stands in {place}, not '{wish.directory}'"
            )
    return False


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:
        raise UsageError("the current directory is gone: give --workdir") from None


def _known_shell(shell: str) -> str:
    """The absolute path of a shell that prompts can be typed to.  UsageError."""
    path = shutil.which(os.path.expanduser(shell))
    if path is None:
        raise UsageError(f"cannot run the shell '{shell}': no such program")
    if os.path.basename(path) not in DIALECTS:
        raise UsageError(f"no prompt can be typed to '{shell}' (shells: {', '.join(DIALECTS)})")
    return os.path.abspath(path)

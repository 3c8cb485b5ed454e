"""The state directory: who may access it, and the small files through which sessions report.

run/ATTEMPT/    an attempt's files: the file that a shell sources, the prompt
spool/          reports: the file name is the whole report, so that a full disk loses none
unknown/        screens of agents that no rule recognized (agents/unknown_screens.py)
logs/           what the passes of timers have done (log.py)
secrets/        secret values of variables, which are stored nowhere else
starts/         the scripts that start sessions
worktrees/      separate git working trees of prompts
last-attempt    the instance of the database, and the last attempt that a pass has claimed
"""

import contextlib
import os
import stat
from pathlib import Path

from assigner.config import Settings
from assigner.errors import SetupError
from assigner.store.database import Store
from assigner.system import private_files

_LAST = "last-attempt"
ODD_BYTES = "surrogateescape"  # as in os.fsdecode


def prepare(settings: Settings) -> None:
    """Make the state directory.  Raises SetupError, for instance if others can write to it."""
    home = settings.home
    try:
        private_files.make_private(home)
        status = home.stat()
        # a link to it is fine if the user owns the target
        if status.st_uid != os.geteuid() or home.lstat().st_uid not in (os.geteuid(), 0):
            raise SetupError(f"state directory '{home}' belongs to another user")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise SetupError(f"other users can write to the state directory '{home}': chmod 700 it")
        own = (
            settings.unknown,
            settings.run,
            settings.spool,
            settings.logs,
            settings.secrets,
            settings.starts,
            settings.worktrees,
        )
        for directory in own:
            private_files.own_directory(directory)
    except FileExistsError:
        raise SetupError(
            f"state directory '{home}' is not a directory: move it away, or set ASSIGNER_HOME"
        ) from None
    except OSError as error:
        path = error.filename or home
        raise SetupError(f"cannot use the state directory: '{path}': {error.strerror}") from None


def directory_problem(directory: str) -> str | None:
    """Why a prompt cannot run in this directory, for people; None if it can."""
    path = Path(directory)
    try:
        if not path.exists():
            return f"directory '{directory}' does not exist"
        if not path.is_dir():
            return f"'{directory}' is not a directory"
        if not os.access(path, os.R_OK | os.X_OK):
            return f"cannot enter directory '{directory}': permission denied"
    except OSError as error:
        return f"cannot read directory '{directory}': {error.strerror}"
    return None


def write(path: Path, text: str) -> None:
    """Write a file with mode 0600, under any umask.  Raises OSError, also for a full disk."""
    descriptor = private_files.open_own(path, os.O_WRONLY | os.O_CREAT)
    try:
        # the environment of a process need not be UTF-8
        with os.fdopen(descriptor, "w", encoding="utf-8", errors=ODD_BYTES, newline="") as file:
            os.ftruncate(descriptor, 0)
            os.fchmod(descriptor, 0o600)
            file.write(text)
    except OSError as error:  # a full disk
        path.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None


def root(settings: Settings) -> str:
    """The directory of all separate working trees, with symlinks resolved as in git's output."""
    return os.path.realpath(settings.worktrees)


def note_attempt(store: Store, id: int) -> None:
    """Record the last attempt: a database restored from a backup does not know it."""
    if store.dry:
        return
    with contextlib.suppress(OSError):  # a full disk makes only the check weaker
        write(store.settings.home / _LAST, f"{store.instance} {id}\n")


def last_attempt(store: Store) -> int:
    """The last attempt that a pass has claimed, even if the database does not know it, or 0."""
    with contextlib.suppress(OSError, ValueError):
        instance, id = (store.settings.home / _LAST).read_text().split()
        return int(id) if instance == store.instance else 0
    return 0


def note_use(store: Store, tree: str) -> None:
    """Record in the directory's time that an attempt in that tree has ended, for `unwanted`."""
    if not store.dry and tree.startswith(root(store.settings) + "/"):
        with contextlib.suppress(OSError):
            os.utime(tree)

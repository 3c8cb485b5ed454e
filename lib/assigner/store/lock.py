"""Lets one pass run at a time.

The kernel frees the lock when its holder exits or is killed.  Python opens the file close-on-exec,
so that a tmux server that a pass starts does not inherit the lock.  The database guards every
claim itself: the lock only keeps passes from doing the same work twice.
"""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from assigner.config import Settings
from assigner.errors import BusyError, SetupError
from assigner.system import private_files, processes


@contextlib.contextmanager
def held(settings: Settings, wait: float) -> Iterator[None]:
    """Hold the pass lock.  BusyError after `wait` seconds; SetupError if the file is not usable."""
    from filelock import FileLock, Timeout

    path = settings.home / "lock"
    private_files.refuse_foreign(path)
    lock = FileLock(path, timeout=wait, mode=0o600)
    try:
        lock.acquire(poll_interval=0.02)
    except Timeout:
        raise BusyError(f"cannot lock '{path}': another pass is running") from None
    except OSError as error:
        raise SetupError(f"cannot lock '{path}': {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


def holder(path: Path) -> int | None:
    """The pid of the lock's holder; 0 if the pid is unknown, None if the lock is free.

    Raises OSError if the file cannot be read.
    """
    if pids := processes.lockers(path):
        return pids[0]
    with path.open("rb") as file:
        try:  # the list may leave out processes in another container
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return next(iter(processes.lockers(path)), 0)
    return None

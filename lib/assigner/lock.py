"""One pass at a time.

The kernel frees the lock when its holder dies, however it dies.  Python opens the file
close-on-exec, so that a tmux server started meanwhile does not inherit it.  The database
guards every claim by itself: this lock spares passes from doing each other's work.
"""

import contextlib
from collections.abc import Iterator

from assigner.config import Settings
from assigner.errors import BusyError, SetupError


@contextlib.contextmanager
def held(settings: Settings, wait: float) -> Iterator[None]:
    """Hold the pass lock; BusyError after `wait` seconds."""
    from filelock import FileLock, Timeout

    path = settings.home / "lock"
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

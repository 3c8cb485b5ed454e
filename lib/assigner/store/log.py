"""The log of a tool that a timer runs: a line with a time for each event.

Several processes append at once without losing lines: each locks the file, and checks that the
file still has its name before writing or rotating it.  logging.handlers costs 10 ms, and loses
lines that other processes write during a rotation.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from assigner import clock
from assigner.config import Settings
from assigner.system import private_files

# Seconds to wait for another writer; a stopped process must not block all passes
_PATIENCE = 1.0


def write(settings: Settings, name: str, lines: Iterable[str]) -> None:
    """Append the lines to logs/NAME.log, and rotate the file if it gets too long.  OSError."""
    now = clock.text(clock.now())
    append(settings, settings.logs / f"{name}.log", [f"{now} {line}" for line in lines])


def append(settings: Settings, path: Path, lines: Iterable[str]) -> None:
    """Append lines to any log of this kind.  OSError."""
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
    while not _appended(settings, path, data):
        pass  # rotated: other processes may have filled the new file already


def _appended(settings: Settings, path: Path, data: bytes) -> bool:
    """Append to the file and return True, or rotate a full file and return False."""
    with _opened(path) as (descriptor, is_ours):
        size = os.fstat(descriptor).st_size
        if is_ours and size and size + len(data) > settings.log_size:
            _rotate(path, settings.log_files)
            return False
        _append(descriptor, data)
        return True


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[int, bool]]:
    """The open file of that name, and whether it was locked within _PATIENCE."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        descriptor = private_files.open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            late = not _lock(descriptor, deadline)
            if late or _is_named(descriptor, path):
                yield descriptor, not late
                return
        finally:
            os.close(descriptor)


def _lock(descriptor: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)


def _is_named(descriptor: int, path: Path) -> bool:
    """Whether the open file still has this name: no process has rotated it since."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    return False


def _rotate(path: Path, kept: int) -> None:
    """Rename NAME.log to NAME.log.1, that to NAME.log.2, and so on; keep `kept` of them."""
    names = [path, *(path.with_name(f"{path.name}.{n}") for n in range(1, kept + 1))]
    for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
        with contextlib.suppress(FileNotFoundError):
            newer.replace(older)
    if not kept:
        path.unlink(missing_ok=True)


def _append(descriptor: int, data: bytes) -> None:
    os.fchmod(descriptor, 0o600)
    while data:
        data = data[os.write(descriptor, data) :]

"""Private files and directories: creates them private under any umask, and refuses shared ones."""

import contextlib
import os
import stat
from collections.abc import Iterator
from errno import EPERM
from pathlib import Path
from typing import BinaryIO

from assigner.errors import SetupError

StrPath = str | Path


def make_private(path: Path) -> None:
    """Create a directory of mode 0700 and its missing parents, under any umask.  OSError."""
    try:
        path.mkdir(mode=0o700)
    except FileNotFoundError:
        if path.parent == path:
            raise
        make_private(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        if not path.is_dir():
            raise
        return
    path.chmod(0o700)


def own_directory(directory: Path) -> None:
    """Create a directory of the state directory if it is missing.  OSError; SetupError if
    something else has its name.
    """
    try:
        make_private(directory)
    except FileExistsError as error:
        raise SetupError(f"cannot create '{directory}': {error.strerror}") from None
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise SetupError(f"'{directory}' is not a directory that you own")
    if stat.S_IMODE(status.st_mode) != 0o700:
        directory.chmod(0o700)


def refuse_foreign(path: Path, *, shared: bool = False) -> None:
    """Refuse a file that the user does not own, or that others can write; follow a link that the
    user owns.  With `shared` others may own the file, or write it as a group.  SetupError.
    """
    try:
        link, status = path.lstat(), path.stat()
    except OSError as error:
        if path.is_symlink():
            raise SetupError(f"cannot open '{path}': a link: {error.strerror}") from None
        return  # opening the file will raise the error
    trusted = (os.geteuid(), 0) if stat.S_ISLNK(link.st_mode) else (os.geteuid(),)
    if stat.S_ISDIR(status.st_mode):
        return
    if not stat.S_ISREG(status.st_mode):
        raise SetupError(f"cannot open '{path}': not a regular file")
    if not shared and (link.st_uid not in trusted or status.st_uid != os.geteuid()):
        raise SetupError(f"'{path}' belongs to another user")
    if status.st_mode & (stat.S_IWOTH if shared else stat.S_IWGRP | stat.S_IWOTH):
        raise SetupError(f"other users can write '{path}': chmod 600 it")


@contextlib.contextmanager
def own_file(path: StrPath) -> Iterator[BinaryIO]:
    """Open the user's own file for reading.  OSError for any other file, a link, or a pipe."""
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        yield file


def open_own(path: StrPath, flags: int) -> int:
    """Open the user's own file, created with mode 0600 if `flags` say so.  OSError for another
    user's file, a link, or anything that is not a regular file; never follows or waits.
    """
    always = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(path, flags | always, 0o600)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    raise PermissionError(EPERM, "not a file that you own", str(path))

"""Files and directories that are the person's alone: made so whatever the umask, else refused."""

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
    """Make a directory, and what is missing above it, the person's alone, whatever the umask.
    OSError.
    """
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
    """Make a directory of the state directory if it is not there.  OSError; SetupError where
    something else is in its place.
    """
    try:
        make_private(directory)
    except FileExistsError as error:
        raise SetupError(f"cannot make '{directory}': {error.strerror}") from None
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise SetupError(f"'{directory}' is not a directory of yours")
    if stat.S_IMODE(status.st_mode) != 0o700:
        directory.chmod(0o700)


def refuse_foreign(path: Path, *, shared: bool = False) -> None:
    """Refuse what is no file of the person's that nobody else can write; a link to such a file is
    followed if it is the person's.  With `shared` others may own it, or write it as a group.
    SetupError.
    """
    try:
        link, status = path.lstat(), path.stat()
    except OSError as error:
        if path.is_symlink():
            raise SetupError(f"cannot open '{path}': a link: {error.strerror}") from None
        return  # whoever opens it tells what is wrong
    trusted = (os.geteuid(), 0) if stat.S_ISLNK(link.st_mode) else (os.geteuid(),)
    if stat.S_ISDIR(status.st_mode):
        return
    if not stat.S_ISREG(status.st_mode):
        raise SetupError(f"cannot open '{path}': it is not a file")
    if not shared and (link.st_uid not in trusted or status.st_uid != os.geteuid()):
        raise SetupError(f"'{path}' belongs to somebody else")
    if status.st_mode & (stat.S_IWOTH if shared else stat.S_IWGRP | stat.S_IWOTH):
        raise SetupError(f"others can write '{path}': chmod 600 it")


@contextlib.contextmanager
def own_file(path: StrPath) -> Iterator[BinaryIO]:
    """A file of ours, opened to be read.  OSError where it is none, a link, or a pipe."""
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        yield file


def open_own(path: StrPath, flags: int) -> int:
    """Open a file of ours, made with mode 0600 where `flags` say so.  OSError where it is
    somebody else's, a link, or nothing that holds a text: none is followed or waited for.
    """
    always = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(path, flags | always, 0o600)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    raise PermissionError(EPERM, "not a file of yours", str(path))

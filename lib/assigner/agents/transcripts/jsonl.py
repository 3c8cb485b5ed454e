"""Reads untrusted records that another program appends to a file, one JSON object per line.

The file may be missing, foreign, not a regular file, huge, damaged, or in the middle of a write.
These functions skip unreadable parts, never block and raise nothing.
"""

import json
import os
import stat
from typing import Any, NamedTuple

MOST = 8 * 1024 * 1024  # bytes of a file that are read at most


class Record(NamedTuple):
    """A JSON object, and the offset in the file at which its line begins."""

    offset: int
    fields: dict[str, Any]

    def get(self, *keys: str) -> Any:
        """The value at these nested keys; None if there is none."""
        return get(self.fields, *keys)


def get(value: Any, *keys: str) -> Any:
    """The value at these keys of nested objects; None if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def parse(line: bytes | str) -> dict[str, Any] | None:
    """The JSON object in a line; None if it contains none."""
    try:
        found = json.loads(line if isinstance(line, str) else line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def is_own(path: str) -> bool:
    """Whether a path is a regular file that belongs to this user."""
    try:
        return _is_own(os.stat(path))
    except (OSError, ValueError):
        return False


def _is_own(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def first(path: str, most: int = 1024 * 1024) -> dict[str, Any] | None:
    """The first record of a file, from at most `most` bytes; None if there is none."""
    chunks = _chunks(path, 0, most, whole=False)
    line, end, _ = chunks[0][1].partition(b"\n") if chunks else (b"", b"", b"")
    return parse(line) if end else None


def read(path: str, offset: int = 0, *, mention: str = "", most: int = MOST) -> list[Record]:
    """The complete records from `offset` on; only those at the start and the end of a long file.

    `most` is in bytes.  [] if the file is shorter than `offset` (it was rewritten), or does not
    contain `mention`.
    """
    chunks = _chunks(path, offset, most)
    if not any(mention.encode() in data for _, data in chunks):
        return []
    found = []
    for start, data in chunks:
        *lines, _ = data.split(b"\n")  # text after the last newline is still being written
        for line in lines:
            if (fields := parse(line)) is not None:
                found.append(Record(start, fields))
            start += len(line) + 1
    return found


def _chunks(path: str, offset: int, most: int, *, whole: bool = True) -> list[tuple[int, bytes]]:
    """Parts of a file and their offsets, each beginning with a line."""
    if not is_own(path):
        return []
    try:
        # O_NONBLOCK: do not wait for a FIFO that someone put there just now
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError):
        return []
    try:
        status = os.fstat(descriptor)
        size = status.st_size
        if not _is_own(status) or not 0 <= offset <= size:
            return []
        if size - offset <= most:
            parts = [(offset, size - offset)]
        elif whole:
            parts = [(offset, most // 2), (size - most // 2, most // 2)]
        else:
            parts = [(offset, most)]
        return [_from_line(descriptor, start, length) for start, length in parts]
    except OSError:
        return []
    finally:
        os.close(descriptor)


def _from_line(descriptor: int, start: int, length: int) -> tuple[int, bytes]:
    """The part of the file from the first line that begins in it, and its offset."""
    if start == 0:
        return 0, os.pread(descriptor, length, 0)
    data = os.pread(descriptor, length + 1, start - 1)
    begin = data.find(b"\n") + 1
    return (start - 1 + begin, data[begin:]) if begin else (start, b"")

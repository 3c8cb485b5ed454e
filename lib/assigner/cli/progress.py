"""Progress of long work: a bar on a terminal, and nothing if stderr is not a terminal."""

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from assigner.cli import output

Item = TypeVar("Item")
Report = Callable[[int, int], None]  # done, of how much


@contextlib.contextmanager
def meter(what: str, *, quiet: bool = False) -> Iterator[Report]:
    """Yield a function of (done, total) that shows progress in a line on stderr, on a terminal.

    The line appears after half a second, and is erased at the end, also on an error, so that a
    message starts on an empty line.
    """
    shown, due = False, time.monotonic() + 0.5
    visible = _is_watched() and not quiet

    def report(done: int, total: int) -> None:
        nonlocal shown, due
        if visible and (now := time.monotonic()) > due:
            due, shown = now + 0.1, True
            _redraw(f"\r{_bar(done, total, what)}\x1b[K")

    try:
        yield report
    finally:
        if shown:
            _redraw("\r\x1b[K")


@contextlib.contextmanager
def progress(
    items: Iterable[Item], total: int, what: str, *, quiet: bool = False
) -> Iterator[Iterable[Item]]:
    """Yield `items` to iterate over; a `meter` shows the progress."""
    if quiet or not _is_watched():
        yield items
        return
    with meter(what) as report:

        def counted() -> Iterator[Item]:
            for done, item in enumerate(items):
                report(done, total)
                yield item

        yield counted()


def _is_watched() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _bar(done: int, total: int, what: str) -> str:
    part = min(done / total, 1.0) if total else 1.0
    full = round(30 * part)
    bar = f"{what} [{'#' * full}{'.' * (30 - full)}] {part:4.0%}  {done:,} of {total:,}"
    return output.shorten(bar, shutil.get_terminal_size().columns - 1)


def _redraw(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal is gone, and the work continues
        print(text, end="", file=sys.stderr, flush=True)

"""What tools print: a table for people, JSON for programs.  Stdout is data."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from assigner import screen
from assigner.cli import Arguments
from assigner.db import Row
from assigner.errors import AssignerError

# Columns that hold JSON: in JSON output they are what they hold
JSON_COLUMNS = {
    "metadata", "env_vars", "prerequisites", "tags", "evidence", "data", "prompt_endings"
}  # fmt: skip
FLAGS = {
    "enrolled", "paused", "prefer_context_match", "validate_context", "idempotent",
    "context_switch", "learn", "worktree",
}  # fmt: skip


def rows(
    found: Iterable[Row],
    args: Arguments,
    columns: Sequence[str],
    *,
    whole: bool = False,
    empty: str = "",
) -> None:
    """Print `columns` of the rows: as a table, or as a JSON array with the same keys.

    With `whole` JSON has all keys of the rows.  `empty` is said on stderr where a person would
    see nothing at all.
    """
    listed = [row if args.json and whole else {c: row.get(c) for c in columns} for row in found]
    if args.json:
        _print(_json([decoded(row) for row in listed]))
    elif listed:
        shown = [[_decode_flag(c, value) for c, value in row.items()] for row in listed]
        _print(table(shown, columns))
    elif empty and sys.stderr.isatty():
        print(empty, file=sys.stderr)


def one(found: Row, args: Arguments, text: str) -> None:
    """Print one object: as JSON, or the text that stands for it."""
    _print(_json(decoded(found)) if args.json else text)


def table(cells: Sequence[Sequence[Any]], headers: Sequence[str]) -> str:
    """A table for people; on a terminal no line is wider than it."""
    from tabulate import tabulate  # 45 ms, and only who prints a table pays

    titles = [header.replace("_", " ") for header in headers]
    shown = [[_cell(value) for value in row] for row in cells]
    if sys.stdout.isatty():
        widths = _fitting(titles, shown)
        shown = [
            [shorten(text, width) for text, width in zip(row, widths, strict=True)] for row in shown
        ]
    return str(tabulate(shown, headers=titles, tablefmt="simple", disable_numparse=True))


def _fitting(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    """Column widths that the terminal has room for: the widest give way, down to ten."""
    floors = [max(10, len(title) + 2) for title in titles]  # tabulate pads a title by two
    widths = [
        max(len(title) + 2, *map(len, column))
        for title, column in zip(titles, zip(*cells, strict=True), strict=True)
    ]
    room = shutil.get_terminal_size().columns - 2 * (len(widths) - 1)
    while sum(widths) > room:
        spare = [width - floor for width, floor in zip(widths, floors, strict=True)]
        if max(spare) <= 0:
            break
        widths[spare.index(max(spare))] -= 1
    return widths


def shorten(text: str, width: int) -> str:
    """The text in at most `width` characters."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def excerpt(text: str, width: int = 60) -> str:
    """The beginning of a text on one line, with nothing in it that a terminal obeys."""
    return shorten(screen.visible(" ".join(text[: 4 * width].split())), width)


def decoded(row: Row) -> Row:
    """A row as JSON tells it: JSON columns opened, flags as true and false."""
    return {key: _decode(key, value) for key, value in row.items()}


def _decode(key: str, value: Any) -> Any:
    if key in JSON_COLUMNS and isinstance(value, str):
        return json.loads(value)
    if isinstance(value, list):
        return [decoded(item) if isinstance(item, dict) else item for item in value]
    return _decode_flag(key, value)


def _decode_flag(key: str, value: Any) -> Any:
    return bool(value) if key in FLAGS and value in (0, 1) else value


def _json(value: Any) -> str:
    """JSON in which, too, no character is left that a terminal obeys."""
    unicode = sys.stdout.encoding.lower() in ("utf-8", "utf8")
    text = json.dumps(value, ensure_ascii=not unicode, indent=1)
    return screen.UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _print(text: str) -> None:
    """To stdout, all of it, or an error that says so."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise AssignerError(f"cannot write the answer: {error.strerror}") from None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:g}"
    return screen.visible(str(value))


def home_short(path: str | None) -> str:
    """A path with the person's home written `~`."""
    home = os.environ.get("HOME", "")
    if path and home and (path == home or path.startswith(home + "/")):
        return "~" + path[len(home) :]
    return path or ""

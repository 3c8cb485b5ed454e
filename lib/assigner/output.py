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

# Columns that hold JSON: in JSON output they are what they hold
JSON_COLUMNS = {
    "metadata", "env_vars", "prerequisites", "tags", "evidence", "data", "prompt_endings"
}  # fmt: skip
FLAGS = {
    "enrolled", "paused", "prefer_context_match", "validate_context", "idempotent",
    "context_switch", "learn",
}  # fmt: skip


def rows(found: Iterable[Row], args: Arguments, columns: Sequence[str], empty: str = "") -> None:
    """Print rows: `columns` of them as a table, or all their keys as a JSON array.

    `empty` is said on stderr where a person would see nothing at all.
    """
    listed = list(found)
    if args.json:
        print(json.dumps([decoded(row) for row in listed], ensure_ascii=False, indent=1))
    elif listed:
        print(table([[row.get(column) for column in columns] for row in listed], columns))
    elif empty and sys.stderr.isatty():
        print(empty, file=sys.stderr)


def one(found: Row, args: Arguments, text: str) -> None:
    """Print one object: as JSON, or the text that stands for it."""
    print(json.dumps(decoded(found), ensure_ascii=False, indent=1) if args.json else text)


def table(cells: Sequence[Sequence[Any]], headers: Sequence[str]) -> str:
    """A table for people; on a terminal no line is wider than it."""
    from tabulate import tabulate  # 45 ms, and only who prints a table pays

    shown = [[_cell(value) for value in row] for row in cells]
    text = tabulate(
        shown, headers=[header.replace("_", " ") for header in headers], tablefmt="simple",
        disable_numparse=True,
    )  # fmt: skip
    if not sys.stdout.isatty():
        return str(text)
    width = shutil.get_terminal_size().columns
    return "\n".join(shorten(line, width) for line in str(text).splitlines())


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
    if key in FLAGS and value in (0, 1):
        return bool(value)
    if isinstance(value, list):
        return [decoded(item) if isinstance(item, dict) else item for item in value]
    return value


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

"""How tools print: tables for people, JSON for programs.  Only data goes to stdout."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assigner.cli import runner
from assigner.cli.runner import Arguments
from assigner.errors import AssignerError
from assigner.store.database import Row
from assigner.system import terminal_text

# Columns that hold JSON text: JSON output contains the parsed value
JSON_COLUMNS = {
    "metadata", "env_vars", "prerequisites", "tags", "evidence", "data", "prompt_endings",
    "trusted_dirs",
}  # fmt: skip
FLAGS = {
    "enrolled", "paused", "prefer_context_match", "validate_context", "idempotent", "sentinel",
    "raw", "context_switch", "worktree", "keepalive",
}  # fmt: skip


def rows(
    found: Iterable[Mapping[str, Any]],
    args: Arguments,
    columns: Sequence[str],
    *,
    whole: bool = False,
    empty: str = "",
) -> None:
    """Print `columns` of the rows: as a table, or as a JSON array with the same keys.

    With `whole` JSON has all keys of the rows.  If there are no rows, a person sees `empty` on
    stderr.
    """
    listed = [row if args.json and whole else {c: row.get(c) for c in columns} for row in found]
    if args.json:
        _print(_json([decoded(row) for row in listed]))
    elif listed and runner.logged(args, (f"{args.prog}: {_noted(row)}" for row in listed)):
        pass
    elif listed:
        shown = [[_decode_flag(c, value) for c, value in row.items()] for row in listed]
        _print(table(shown, columns))
    elif empty and not args.log and sys.stderr.isatty():
        print(empty, file=sys.stderr)


def one(found: Mapping[str, Any], args: Arguments, text: str, *, colored: bool = False) -> None:
    """Print one object: as JSON, or as the lines of `text`."""
    if args.json:
        _print(_json(decoded(found)))
    else:
        lines(text.split("\n"), args, colored=colored)


def lines(text: Sequence[str], args: Arguments, *, colored: bool = False) -> None:
    """Print lines for people, without control characters.

    The caller has already escaped `colored` lines, which contain color sequences of this module.
    """
    shown = text if colored else [terminal_text.visible(line) for line in text]
    if not runner.logged(args, (f"{args.prog}: {line}" for line in shown)):
        _print("\n".join(shown))


def table(cells: Sequence[Sequence[Any]], headers: Sequence[str]) -> str:
    """A table for people; if the terminal is too narrow, each row becomes a paragraph."""
    import tabulate  # 45 ms, and only tables need it

    titles = [header.replace("_", " ") for header in headers]
    shown = [[_cell(value) for value in row] for row in cells]
    if sys.stdout.isatty():
        widths = [
            max(map(terminal_text.width, column)) for column in zip(titles, *shown, strict=True)
        ]
        floors = [max(_FLOOR, terminal_text.width(title)) for title in titles]
        room = shutil.get_terminal_size().columns - _GAP * (len(widths) - 1)
        if sum(map(min, widths, floors)) > room:
            return "\n\n".join(_paragraph(titles, row) for row in shown)
        _shrink(widths, floors, room)
        shown = [
            [
                _in_color(title, cell, shorten(cell, width))
                for title, cell, width in zip(titles, row, widths, strict=True)
            ]
            for row in shown
        ]
    tabulate.MIN_PADDING = 0
    text = tabulate.tabulate(shown, headers=titles, tablefmt="simple", disable_numparse=True)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _noted(row: Mapping[str, Any]) -> str:
    """A row on one line, for a log: `name=value`, without empty values."""
    cells = {key: _cell(_decode_flag(key, value)) for key, value in row.items()}
    return " ".join(
        f"{key}={json.dumps(value, ensure_ascii=False) if ' ' in value else value}"
        for key, value in cells.items()
        if value
    )


_GAP = 2  # between columns
_FLOOR = 8  # narrower columns are unreadable


def _shrink(widths: list[int], floors: Sequence[int], room: int) -> None:
    """Fit the columns into `room`: shrink the widest first."""
    for _ in range(sum(widths) - room):
        spare = [width - floor for width, floor in zip(widths, floors, strict=True)]
        widths[spare.index(max(spare))] -= 1


def _paragraph(titles: Sequence[str], row: Sequence[str]) -> str:
    width = max(map(terminal_text.width, titles)) + 1 + _GAP
    return "\n".join(
        f"{title + ':':<{width}}{_in_color(title, cell, cell)}"
        for title, cell in zip(titles, row, strict=True)
        if cell
    )


# Colors of states on a terminal (ECMA-48, SGR)
_COLORS = {
    "completed": "32", "idle": "32",
    "failed": "31", "unverified": "31",
    "assigned": "33", "waiting": "33", "limited": "33", "occupied": "33", "unknown": "33",
    "in_progress": "34", "busy": "34",
    "held": "2", "cancelled": "2", "offline": "2",
}  # fmt: skip


def _in_color(title: str, cell: str, shown: str) -> str:
    if title in ("status", "action"):
        return painted(shown, cell)
    return painted(shown, "held") if title == "held by" else shown


def painted(text: str, state: str) -> str:
    """The text in the color of a state, if stdout is a terminal that wants colors."""
    color = _COLORS.get(state)
    return f"\x1b[{color}m{text}\x1b[0m" if color and text and _is_colorful() else text


def _is_colorful() -> bool:
    """Whether to use colors (no-color.org)."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    return wanted and sys.stdout.isatty()


def shorten(text: str, width: int) -> str:
    """The text in at most `width` columns of a terminal."""
    if terminal_text.width(text) <= width:
        return text
    return terminal_text.fitting(text, max(width - 1, 0)) + "…"


def excerpt(text: str, width: int = 60) -> str:
    """The beginning of a text on one line, without control characters."""
    return shorten(terminal_text.visible(" ".join(text[: 4 * width].split())), width)


def decoded(row: Mapping[str, Any]) -> Row:
    """A row for JSON output: JSON columns parsed, flags as true and false."""
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
    """JSON without control characters, which it escapes."""
    unicode = sys.stdout.encoding.lower() in ("utf-8", "utf8")
    text = json.dumps(value, ensure_ascii=not unicode, indent=1)
    return terminal_text.UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _print(text: str) -> None:
    """Print all of the text to stdout, or raise an error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise AssignerError(f"cannot write to standard output: {error.strerror}") from None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:g}"
    return terminal_text.visible(str(value))


def home_short(path: str | None) -> str:
    """A path with the home directory written `~`."""
    home = os.environ.get("HOME", "")
    if path and home and (path == home or path.startswith(home + "/")):
        return "~" + path[len(home) :]
    return path or ""

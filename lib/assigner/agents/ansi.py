"""Reads how the characters of a `tmux capture-pane -e` capture look: dim, reversed, underlined.

Pure.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_SGR = re.compile(r"\x1b\[([0-9;:]{0,255})m")
_RESET = "\x1b[0m"
# SGR; OSC (hyperlinks) up to its end; any other escape that tmux writes
ESCAPE = re.compile(
    rf"{_SGR.pattern}|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|\x0e|\x0f"
)
_BASIC = (  # the first 16 colors as xterm has them
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205),
    (229, 229, 229), (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255),
    (255, 0, 255), (0, 255, 255), (255, 255, 255),
)  # fmt: skip


class Style(NamedTuple):
    """How a character looks: `dim` is faint or grayish, as hints and placeholders are."""

    dim: bool = False
    reverse: bool = False
    underline: bool = False


Line = list[tuple[str, Style]]  # the pieces of its text, each with its style


class _Pen(NamedTuple):
    """The attributes that the escape sequences so far have set."""

    faint: bool = False
    reverse: bool = False
    underline: bool = False
    color: tuple[int, int, int] | None = None


@lru_cache(maxsize=4096)
def _style(pen: _Pen) -> Style:
    color = pen.color
    gray = color is not None and 90 <= max(color) <= 200 and max(color) - min(color) <= 48
    return Style(pen.faint or gray, pen.reverse, pen.underline)


@lru_cache(maxsize=4096)
def _after(pen: _Pen, parameters: str) -> _Pen:
    """The pen after an SGR escape sequence with these parameters."""
    faint, reverse, underline, color = pen
    codes = iter([int(code or 0) for code in re.split("[;:]", parameters)])
    for code in codes:
        match code:
            case 0:
                faint, reverse, underline, color = _Pen()
            case 2 | 22:
                faint = code == 2
            case 4 | 24:
                underline = code == 4
            case 7 | 27:
                reverse = code == 7
            case 38:
                color = _extended(codes)
            case 48 | 58:
                _extended(codes)
            case 39:
                color = None
            case _ if 30 <= code <= 37:
                color = _BASIC[code - 30]
            case _ if 90 <= code <= 97:
                color = _BASIC[code - 82]
    return _Pen(faint, reverse, underline, color)


def _extended(codes: Iterator[int]) -> tuple[int, int, int] | None:
    """The color named by the codes that follow 38; takes them from `codes`."""
    kind = next(codes, 0)
    if kind == 5:
        return _indexed(next(codes, 0))
    if kind == 2:
        return next(codes, 0), next(codes, 0), next(codes, 0)
    return None


def _indexed(number: int) -> tuple[int, int, int]:
    """One of xterm's 256 colors: 16 basic colors, a 6x6x6 cube, 24 grays."""
    if number < 16:
        return _BASIC[number]
    if number >= 232:
        return (8 + 10 * (number - 232),) * 3
    red, rest = divmod(number - 16, 36)
    levels = [55 + 40 * part if part else 0 for part in (red, *divmod(rest, 6))]
    return levels[0], levels[1], levels[2]


def read(captured: str, first: int = 0, end: int | None = None) -> list[Line]:
    """Lines `first` to `end` - 1 of a capture.  A style lasts until an escape changes it."""
    rows = captured.split("\n")
    before = "\n".join(rows[:first])
    pen = _Pen()
    for parameters in _SGR.findall(before, max(0, before.rfind(_RESET))):
        pen = _after(pen, parameters)
    lines: list[Line] = []
    for row in rows[first:end]:
        pieces = ESCAPE.split(row)  # texts alternating with SGR parameters; None: another escape
        lines.append([])
        for parameters, text in zip((None, *pieces[1::2]), pieces[::2], strict=True):
            if parameters is not None:
                pen = _after(pen, parameters)
            if text:
                lines[-1].append((text, _style(pen)))
    return lines


def plain(captured: str) -> str:
    """The screen as `capture-pane -p` (without `-e`) would print it."""
    return "\n".join(line.rstrip(" ") for line in ESCAPE.sub("", captured).split("\n"))

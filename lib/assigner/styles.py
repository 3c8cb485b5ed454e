"""What `tmux capture-pane -e` tells of each character: whether it is dim or reversed.  Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# SGR; OSC (hyperlinks) up to its end; any other escape that tmux writes
_ESCAPE = re.compile(
    r"\x1b\[([0-9;:]*)m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x0e\x0f]"
)
_BASIC = (  # the first 16 colours as xterm has them
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205),
    (229, 229, 229), (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255),
    (255, 0, 255), (0, 255, 255), (255, 255, 255),
)  # fmt: skip


class Style(NamedTuple):
    """How a character looks: `dim` is faint or greyish, as hints and placeholders are."""

    dim: bool = False
    reverse: bool = False


class _State:
    def __init__(self) -> None:
        self.faint = self.reverse = False
        self.colour: tuple[int, int, int] | None = None

    def style(self) -> Style:
        grey = self.colour is not None and (
            90 <= max(self.colour) <= 200 and max(self.colour) - min(self.colour) <= 48
        )
        return Style(self.faint or grey, self.reverse)

    def apply(self, parameters: str) -> None:
        codes = iter([int(code or 0) for code in re.split("[;:]", parameters)])
        for code in codes:
            match code:
                case 0:
                    self.faint = self.reverse = False
                    self.colour = None
                case 2:
                    self.faint = True
                case 22:
                    self.faint = False
                case 7 | 27:
                    self.reverse = code == 7
                case 38:
                    self.colour = _extended(codes)
                case 48 | 58:
                    _extended(codes)
                case 39:
                    self.colour = None
                case _ if 30 <= code <= 37:
                    self.colour = _BASIC[code - 30]
                case _ if 90 <= code <= 97:
                    self.colour = _BASIC[code - 82]


def _extended(codes: Iterator[int]) -> tuple[int, int, int] | None:
    """The colour that the codes behind 38 name, which are taken."""
    kind = next(codes, 0)
    if kind == 5:
        return _indexed(next(codes, 0))
    if kind == 2:
        return next(codes, 0), next(codes, 0), next(codes, 0)
    return None


def _indexed(number: int) -> tuple[int, int, int]:
    """One of xterm's 256 colours: 16 basic ones, a cube, greys."""
    if number < 16:
        return _BASIC[number]
    if number >= 232:
        return (8 + 10 * (number - 232),) * 3
    red, rest = divmod(number - 16, 36)
    levels = [55 + 40 * part if part else 0 for part in (red, *divmod(rest, 6))]
    return levels[0], levels[1], levels[2]


def read(captured: str) -> list[list[tuple[str, Style]]]:
    """The lines of a capture, as characters with their styles, which last until changed."""
    lines: list[list[tuple[str, Style]]] = [[]]
    state, style, position = _State(), Style(), 0
    while position < len(captured):
        if escape := _ESCAPE.match(captured, position):
            if escape[1] is not None:
                state.apply(escape[1])
                style = state.style()
            position = escape.end()
            continue
        if captured[position] == "\n":
            lines.append([])
        else:
            lines[-1].append((captured[position], style))
        position += 1
    return lines

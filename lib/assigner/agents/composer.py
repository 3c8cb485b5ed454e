"""Finds the box on an agent's screen where a person types, and decides whether it is empty.

`empty` needs evidence: the only text is a placeholder, recognized by its color, and the cursor
is before it, or there is no text at all, and the cursor is exactly where the text would begin.
Without colors only a known placeholder counts.  A draft can consist of blanks alone: tmux shows
nothing of them but the place of the cursor and that the placeholder is gone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from assigner.agents import ansi
from assigner.system import terminal_text

_REACH = 40  # the most lines that a composer has
_INDENT = 4  # the most blanks between the mark of a line and its text
_NOTHING = re.compile("")
_SEEN = re.compile(r"[^\s\u200b]")


@dataclass(frozen=True)
class Shape:
    """How an agent draws its composer.  The expressions are searched in single lines.

    `prompt` matches the start of the first line, up to where the text begins.  If `above` is
    given, one of the `reach` lines above the first line must match it.  The text ends before a
    line that matches `below`, or at the end of the screen.  `rest` matches the start of each
    further line.  The last `status_lines` of them are not text.  At most `footer` non-empty lines
    follow the composer.  `drawn_cursor`: the agent draws its cursor, as a reversed or underlined
    character.  `hint`: it shows a placeholder whenever its composer is empty, so that one without
    text holds blanks.  `height`: the lines of an empty composer, `status_lines` included; one that
    shows no text on more lines holds line breaks.  0: unknown.
    """

    prompt: re.Pattern[str]
    above: re.Pattern[str] | None = None
    below: re.Pattern[str] | None = None
    rest: re.Pattern[str] | None = None
    placeholder: re.Pattern[str] | None = None
    reach: int = 1
    status_lines: int = 0
    footer: int = 1000
    drawn_cursor: bool = False
    hint: bool = False
    height: int = 0


class Composer(NamedTuple):
    """A composer on the screen: lines `first` to `end` - 1.  `state` is empty, draft or unclear;
    `text` is what it shows, a placeholder included, joined to one line.
    """

    first: int
    end: int
    state: str
    text: str


def find(
    shape: Shape,
    lines: Sequence[str],
    colored: str | None,
    cursor: tuple[int, int] | None,
) -> Composer | None:
    """The lowest composer on the screen; None if there is none, for instance behind a dialog."""
    for first in range(len(lines) - 1, -1, -1):
        end = _end(shape, lines, first, cursor)
        if end is not None and _ends_screen(shape, lines[end:]):
            return Composer(first, end, *_state(shape, lines, colored, cursor, first, end))
    return None


def tail(shape: Shape, lines: Sequence[str], cursor: tuple[int, int] | None) -> str | None:
    """The text up to the cursor of a composer that is taller than its pane, so that `find` does not
    see where it begins, joined to one line.  None if anything but its lower edge follows.
    """
    if cursor is None or not 0 <= cursor[1] < len(lines):
        return None
    after = next((line for line in lines[cursor[1] + 1 :] if line.strip()), None)
    if after is not None and not (shape.below and shape.below.search(after)):
        return None
    edges = (
        row + 1
        for row in range(cursor[1] - 1, -1, -1)
        if shape.above is not None and shape.above.search(lines[row])
    )
    texts = lines[next(edges, 0) : cursor[1] + 1]
    return " ".join(
        " ".join((shape.rest or _NOTHING).sub("", line, count=1) for line in texts).split()
    )


def _end(
    shape: Shape, lines: Sequence[str], first: int, cursor: tuple[int, int] | None
) -> int | None:
    """The end of the composer that begins with line `first`; None if none begins there.

    A text may begin like the choices of a menu, whose cursor is never behind a choice.
    """
    if not shape.prompt.search(lines[first]):
        return None
    if shape.above is not None and not _is_below(shape, lines, first):
        return None
    end = _below(shape, lines, first, cursor)
    if end is not None and is_choice(lines[first]) and not _is_typed(lines, first, end, cursor):
        return None
    return end


def _below(
    shape: Shape, lines: Sequence[str], first: int, cursor: tuple[int, int] | None
) -> int | None:
    """The line below the composer that begins with line `first`; None if its text does not end.

    A line of the text may look like the end, but a composer always reaches down to the cursor.
    """
    found = None
    for end in range(first + 1, min(len(lines), first + _REACH)):
        if shape.below is not None and shape.below.search(lines[end]):
            if cursor is None or cursor[1] < end:
                return end
            found = found or end
        if shape.rest is not None and not shape.rest.search(lines[end]):
            return found
    return found if shape.below is not None else len(lines)


def _is_typed(lines: Sequence[str], first: int, end: int, cursor: tuple[int, int] | None) -> bool:
    """Whether the cursor is right behind the text of a line, or behind a blank after it."""
    if cursor is None or not first <= cursor[1] < end:
        return False
    text = lines[cursor[1]].rstrip()
    return bool(text) and 0 <= cursor[0] - terminal_text.width(text) <= 1


def _ends_screen(shape: Shape, below: Sequence[str]) -> bool:
    """Whether the lines below are a footer, not a dialog under an earlier message."""
    written = [line for line in below if line.strip()]
    return len(written) <= shape.footer and not any(map(is_choice, written))


def _is_below(shape: Shape, lines: Sequence[str], first: int) -> bool:
    assert shape.above is not None
    for line in reversed(lines[max(0, first - shape.reach) : first]):
        if shape.above.search(line):
            return True
        if shape.prompt.search(line):
            return False
    return False


def is_choice(line: str) -> bool:
    """Whether a line is the marked one of numbered choices; its mark can look like a prompt."""
    return bool(re.match(r"\W*[❯›●▶→>]\s*\d{1,2}[.)]\s", line))


def _state(
    shape: Shape,
    lines: Sequence[str],
    colored: str | None,
    cursor: tuple[int, int] | None,
    first: int,
    end: int,
) -> tuple[str, str]:
    styled = ansi.read(colored, first, end) if colored is not None else []
    texts: list[str] = []
    dim: list[bool] = []  # one entry for each visible character
    starts = drawn = hidden = False  # starts, drawn: the cursor is before all text
    blanks = shape.hint or bool(shape.height and end - first > shape.height)  # nothing but blanks
    # a block that ends in an edge is as wide as that edge; text to its right is not part of it
    edge = shape.below.search(lines[end]) if shape.below and end < len(lines) else None
    width = edge.end() if edge is not None and shape.status_lines else None
    for row in range(first, end - shape.status_lines):
        line = lines[row][:width]
        # tmux omits blanks at the end of a line
        padded = line + " " * _INDENT
        prefix = (shape.prompt if row == first else shape.rest or _NOTHING).search(padded)
        begin = prefix.end() if prefix else 0
        dims, marks = _looks(styled[row - first : row - first + 1], lines[row])
        seen = [match.start() for match in _SEEN.finditer(line, begin)]
        if not dim:
            before = marks[begin : seen[0] + 1 if seen else None]
            drawn = drawn or any(before)
            if cursor is not None and cursor[1] == row:
                column = terminal_text.width(padded[:begin])
                past = bool(seen) and cursor[0] > terminal_text.width(line[: seen[0]])
                starts = cursor[0] >= column and not past
                one_line = row == first or shape.height > 1
                blanks = blanks or cursor[0] > column or not one_line
            if shape.drawn_cursor and any(before):
                blanks = blanks or row > first or not before[0]
            hidden = bool(seen) and marks[seen[0]]
        dim += [dims[index] for index in seen]
        texts.append(line[begin:])
    if shape.drawn_cursor:
        starts = drawn or colored is None
    text = " ".join(" ".join(texts).split())
    if not dim:
        return "draft" if blanks else "empty" if starts else "unclear", text
    if colored is not None:
        # the drawn cursor hides the color of the character under it
        hint = all(dim[1:]) and len(dim) > 1 if hidden else all(dim)
    else:
        hint = shape.placeholder is not None and bool(shape.placeholder.search(text))
    if not hint:
        return "draft", text
    return ("empty" if starts else "unclear"), text


def _looks(styled: Sequence[ansi.Line], line: str) -> tuple[list[bool], list[bool]]:
    """Whether each character of a line is dim, and whether it is marked as a drawn cursor is.

    All False if the capture shows another line.
    """
    dims: list[bool] = []
    marks: list[bool] = []
    if styled and "".join(text for text, _ in styled[0]).rstrip() == line.rstrip():
        for text, style in styled[0]:
            dims += [style.dim] * len(text)
            marks += [style.reverse or style.underline] * len(text)
    left = [False] * (len(line) - len(dims))
    return dims + left, marks + left

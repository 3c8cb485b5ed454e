"""Cleans, measures and cuts text from terminals.  Pure."""

import re
import unicodedata


def counted(number: int, what: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {what}{'s' * (number != 1)}"


# CSI, OSC/DCS/SOS/PM/APC strings, charset selections, two-character escapes (ECMA-48)
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|\Z)"
    r"|\x1b[ -/]+[0-~]"
    r"|\x1b[0-~]"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Characters with an effect in a terminal, and bidirectional controls, besides ASCII's controls
UNSEEN = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_VISIBLE = re.compile(rf"[\x00-\x1f]|{UNSEEN.pattern}")


def clean(text: str) -> str:
    """Text without escape sequences and control characters other than newline and tab."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def visible(text: str) -> str:
    """Text on one line in which every control character is visible and has no effect."""
    return _VISIBLE.sub(lambda match: ascii(match[0])[1:-1], text)


def tail(text: str, size: int) -> str:
    """The last whole lines of `text` that fit into `size` characters."""
    if len(text) <= size:
        return text
    return text[-size:].partition("\n")[2] or text[-size:]


def cells(character: str) -> int:
    """The number of terminal columns of a character (UAX 11; marks and joiners take none)."""
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def width(text: str) -> int:
    """The number of terminal columns of a text."""
    return len(text) if text.isascii() else sum(map(cells, text))


def fitting(text: str, columns: int) -> str:
    """The longest beginning of a text that fits into `columns` terminal columns."""
    left = columns
    for index, character in enumerate(text):
        if (left := left - cells(character)) < 0:
            return text[:index]
    return text


def split_at(text: str, column: int) -> tuple[str, str]:
    """The parts of a line to the left of a screen column and from it on; wide characters take two.

    The left part is padded with blanks, which tmux does not distinguish from empty cells.
    """
    left = 0
    for index, character in enumerate(text):
        own = cells(character)
        if left >= column and own:
            return text[:index], text[index:]
        left += own
    return text + " " * (column - left), ""

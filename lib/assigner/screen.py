"""Text that came from a terminal, and what an empty shell prompt looks like.  Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# CSI, OSC/DCS/SOS/PM/APC strings, charset selections, two-character escapes (ECMA-48)
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|\Z)"
    r"|\x1b[ -/]+[0-~]"
    r"|\x1b[0-~]"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What a terminal obeys, and what turns the direction of a line, beside ASCII's control characters
UNSEEN = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_VISIBLE = re.compile(rf"[\x00-\x1f]|{UNSEEN.pattern}")

# What a shell shows while it waits for the rest of a command (PS2 of bash and zsh)
_OPEN = (
    "quote|dquote|bquote|cmdsubst|cmdand|cmdor|pipe|heredoc|heredocd|for|while|until|repeat"
    "|if|then|else|elif|case|function|subsh|cursh|array|select|math|mathsubst|braceparam|brace"
)
_CONTINUATION = re.compile(rf"(?:(?:{_OPEN}) ?)*> \Z")
# What stands before the prompt's own ending where a theme has it so there, too, as pure does
# (`for… ` of `for… >`); and fish's `read> `, and the `?# ` of zsh's select
_UNFINISHED = re.compile(rf"(?:{_OPEN}|read|…|\.\.+|[>·│|?]| )+")
# What the end of a typed line may be as well: `git:(main) `, but `echo $(date) ` too
_WEAK = re.compile(r"[)\]}:]\s*")
# What fish, and bash with show-mode-in-prompt, show in vi's command mode: text would be commands
_COMMAND_MODE = re.compile(r"\[[NRV]\] |\(cmd\)")
# What is typed behind a prompt of the usual kind
_TYPED = re.compile(r"[$#%>❯»›] +\S")
_GAP = 4  # so many blanks at least part a right prompt from the cursor
_PROMPT_END = re.compile(r"(?:[$#%>❯➜»›λ✗✓→⟩:)\]}] ?)\Z")


def clean(text: str) -> str:
    """Text without escape sequences and control characters other than newline and tab."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def visible(text: str) -> str:
    """Text in which every control character can be seen and does nothing, on one line."""
    return _VISIBLE.sub(lambda match: ascii(match[0])[1:-1], text)


def tail(text: str, size: int) -> str:
    """The last whole lines of `text` that fit into `size` characters."""
    if len(text) <= size:
        return text
    return text[-size:].partition("\n")[2] or text[-size:]


def cells(character: str) -> int:
    """How many columns of a terminal a character takes (UAX 11; marks and joiners take none)."""
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(cells, text))


def fitting(text: str, columns: int) -> str:
    """As much of the beginning of a text as has room in so many columns of a terminal."""
    left = columns
    for index, character in enumerate(text):
        if (left := left - cells(character)) < 0:
            return text[:index]
    return text


def split_at(text: str, column: int) -> tuple[str, str]:
    """The parts of a line left of a screen column and from it on; wide characters count two.

    The left part is padded with blanks, which tmux does not tell apart from nothing.
    """
    left = 0
    for index, character in enumerate(text):
        own = cells(character)
        if left >= column and own:
            return text[:index], text[index:]
        left += own
    return text + " " * (column - left), ""


@dataclass(frozen=True)
class Ending:
    """How an empty prompt of a session ends; what stands before that may vary.

    `text` is the last symbol with the blanks behind it (`$ `), `count` how often it occurs in
    the prompt's line, `right` whether something stands at the right margin.  `shape` is the line
    with a `w` for each word: where the text alone tells too little the line must be of that shape.
    Where it is empty `text` is a whole line: a prompt behind what a program has left there.
    """

    text: str
    count: int
    right: bool
    shape: str | None = None


def learn(line: str, column: int) -> Ending | None:
    """The ending of the empty prompt whose line this is; None where it cannot be one."""
    left, right = split_at(line, column)
    if not left.strip() or right[:_GAP].strip():
        return None
    symbols = re.search(r"[^\w\s]\s*\Z", left)
    text = symbols[0] if symbols else left
    return Ending(text, left.count(text), bool(right.strip()), _shape(left))


def learn_whole(line: str, column: int, endings: Sequence[Ending]) -> Ending | None:
    """This line, if a known prompt stands at its end, whatever stands before that."""
    left, right = split_at(line, column)
    known = any(left.endswith(ending.text) for ending in endings)
    return Ending(left, 1, bool(right.strip()), "") if known and not right[:_GAP].strip() else None


def _shape(left: str) -> str:
    return re.sub(r"[\w.~/-]+", "w", left)


def looks_like_prompt(line: str, column: int) -> bool:
    """Whether a line ends at the cursor as shells' prompts usually do."""
    left, right = split_at(line, column)
    return bool(_PROMPT_END.search(left)) and not right[:_GAP].strip()


def is_typed(line: str, column: int, endings: Sequence[Ending]) -> bool:
    """Whether something stands behind a prompt, one of the usual kind or one that is known; or
    the shell waits for the rest of a command.

    What looks like a prompt may be that: `$ echo $(date)`.
    """
    left, _ = split_at(line, column)
    if _TYPED.search(left) or _CONTINUATION.match(left) or _COMMAND_MODE.match(left):
        return True
    return any(ending.text in left for ending in endings)


def is_typed_above(lines: str, endings: Sequence[Ending]) -> bool:
    """Whether a prompt with something behind it stands in the lines that may go on in this one."""
    return any(lines.partition(ending.text)[2].strip() for ending in endings)


def at_empty_prompt(line: str, column: int, endings: Sequence[Ending]) -> bool:
    """Whether this line is an empty prompt, as learnt, with nothing typed left or right of it."""
    left, right = split_at(line, column)
    if right[:_GAP].strip():
        return False
    if _COMMAND_MODE.match(left):
        return False
    if _CONTINUATION.match(left) and not any(ending.text == left for ending in endings):
        return False
    return any(
        left.endswith(ending.text)
        and left.count(ending.text) <= ending.count
        and (ending.right or not right.strip())
        and _is_shaped(left, ending)
        for ending in endings
    )


def _is_shaped(left: str, ending: Ending) -> bool:
    """Whether the line has the prompt's shape, as far as its ending leaves a doubt."""
    if _WEAK.fullmatch(ending.text) and ending.shape is not None:
        return ending.shape == _shape(left)
    if _UNFINISHED.fullmatch(left.removesuffix(ending.text)):
        return ending.shape == _shape(left)
    return True


def without_prompt(line: str, was: str, endings: Sequence[Ending]) -> list[str]:
    """What a program left on the line on which the next prompt was drawn, no line if nothing.

    `was` is the prompt that stood there before the program.
    """
    if was and line.endswith(was):
        return [line.removesuffix(was)] if line != was else []
    for ending in endings:
        end = ending.text.rstrip()
        if end and (line.endswith(end) or (ending.right and end + " " * _GAP in line)):
            return []
    return [line]


def ending_of(value: dict[str, Any]) -> Ending:
    """The reverse of dataclasses.asdict."""
    return Ending(str(value["text"]), int(value["count"]), bool(value["right"]), value.get("shape"))

"""Recognize the empty prompt of a shell by the text left of the cursor."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assigner.system import terminal_text

# What a shell shows while it waits for the rest of a command (PS2 in bash and zsh)
_OPEN = (
    "quote|dquote|bquote|cmdsubst|cmdand|cmdor|pipe|heredoc|heredocd|for|while|until|repeat"
    "|if|then|else|elif|case|function|subsh|cursh|array|select|math|mathsubst|braceparam|brace"
)
_CONTINUATION = re.compile(rf"(?:(?:{_OPEN}) ?)*> \Z")
# What may precede the prompt's own ending in PS2, for themes such as pure that repeat it there
# (`for… ` or `for… >`); also fish's `read> ` and the `?# ` of zsh's select
_UNFINISHED = re.compile(rf"(?:{_OPEN}|read|…|\.\.+|[>·│|?]| )+")
# An ending that the end of a typed line can have, too: `git:(main) `, but also `echo $(date) `
_WEAK = re.compile(r"[)\]}:]\s*")
# The marks of vi's command mode in fish, and in bash with show-mode-in-prompt: keys are commands
_COMMAND_MODE = re.compile(r"\[[NRV]\] |\(cmd\)")
# Text typed after a common prompt
_TYPED = re.compile(r"[$#%>❯»›] +\S")
_TELLING = re.compile(r"[^\w\s]")  # a prompt of plain words may be any text
_GAP = 4  # at least this many blanks separate a right prompt from the cursor
_PROMPT_END = re.compile(r"(?:[$#%>❯➜»›λ✗✓→⟩:)\]}\uE0B0-\uE0D4] ?)\Z")


@dataclass(frozen=True)
class Ending:
    """How an empty prompt of a session ends; the text before its ending may vary.

    `text` is the last symbol with the blanks after it (`$ `), `count` how often it occurs in the
    prompt's line, `right`: there is text at the right margin.  `shape` is the line with a `w` for
    each word: if the text alone is ambiguous, a line must also have this shape.  If `shape` is
    empty, `text` is a whole line: a prompt after output without a final newline.
    """

    text: str
    count: int
    right: bool
    shape: str | None = None


def learn(line: str, column: int) -> Ending | None:
    """The ending of the empty prompt on this line; None if the line cannot be an empty prompt."""
    left, right = terminal_text.split_at(line, column)
    if not left.strip() or right[:_GAP].strip():
        return None
    symbols = re.search(r"[^\w\s]\s*\Z", left)
    text = symbols[0] if symbols else left
    return Ending(text, left.count(text), bool(right.strip()), _shape(left))


def learn_whole(line: str, column: int, endings: Sequence[Ending]) -> Ending | None:
    """The whole line as an ending, if it ends in a known prompt after any other text; or None."""
    left, right = terminal_text.split_at(line, column)
    known = any(left.endswith(ending.text) for ending in endings)
    return Ending(left, 1, bool(right.strip()), "") if known and not right[:_GAP].strip() else None


def _shape(left: str) -> str:
    return re.sub(r"[\w.~/-]+", "w", left)


def looks_like_prompt(line: str, column: int) -> bool:
    """Whether the line ends at the cursor as shell prompts usually do."""
    left, right = terminal_text.split_at(line, column)
    return bool(_PROMPT_END.search(left)) and not right[:_GAP].strip()


def is_typed(line: str, column: int, endings: Sequence[Ending]) -> bool:
    """Whether text follows a prompt, a common or a known one; or the shell waits for the rest of a
    command.

    Typed text can look like a prompt: `$ echo $(date)`.
    """
    left, _ = terminal_text.split_at(line, column)
    if _TYPED.search(left) or _CONTINUATION.match(left) or _COMMAND_MODE.match(left):
        return True
    return any(ending.text in left for ending in endings)


def is_typed_above(lines: str, endings: Sequence[Ending]) -> bool:
    """Whether text follows a prompt in the lines above that may continue in the cursor's line."""
    return any(lines.partition(ending.text)[2].strip() for ending in endings)


def at_empty_prompt(
    line: str, column: int, endings: Sequence[Ending], before: str = "", width: int = 0
) -> bool:
    """Whether the line is a known empty prompt, with no text typed to its left or right.

    `before` is the line before it, unless assigner has typed that; `width` the pane's.  Text that
    ends at the right margin is a right prompt, which may come and go.
    """
    left, right = terminal_text.split_at(line, column)
    if right[:_GAP].strip():
        return False
    if _COMMAND_MODE.match(left):
        return False
    if _may_continue(left, endings, before):
        return False
    at_margin = 0 <= width - terminal_text.width(line.rstrip()) <= 1
    return any(
        (ending.right or at_margin or not right.strip())
        and (_is_same(left, ending) or _has_ending(left, ending))
        for ending in endings
    )


def _has_ending(left: str, ending: Ending) -> bool:
    return (
        left.endswith(ending.text)
        and left.count(ending.text) <= ending.count
        and _is_shaped(left, ending)
    )


def _is_same(left: str, ending: Ending) -> bool:
    """Whether the line differs from the known prompt in words alone, such as its directory.

    What is typed behind a prompt changes its shape, unless the prompt itself ends with a word.
    """
    shape = ending.shape or ""
    return shape == _shape(left) and bool(_TELLING.search(shape)) and not shape.endswith("w")


def _may_continue(left: str, endings: Sequence[Ending], before: str) -> bool:
    """Whether the shell may wait here for the rest of a command (at PS2).

    PS2 is often just what the prompt ends with.  Such a line is the prompt only if the prompt was
    seen to be no more than that, and, where both may look alike, if no command precedes it.
    """
    alike = [ending.shape for ending in endings if ending.text == left and ending.shape != ""]
    bare = [shape for shape in alike if shape in (None, _shape(left))]
    usual = bool(_CONTINUATION.match(left))
    if not bare:
        return usual or bool(alike)
    return (usual or len(bare) < len(alike)) and left.rstrip() in before


def _is_shaped(left: str, ending: Ending) -> bool:
    """Whether the line has the prompt's shape, if the ending alone is ambiguous."""
    if _WEAK.fullmatch(ending.text) and ending.shape is not None:
        return ending.shape == _shape(left)
    if _UNFINISHED.fullmatch(left.removesuffix(ending.text)):
        return ending.shape == _shape(left)
    return True


def without_prompt(line: str, was: str, endings: Sequence[Ending]) -> list[str]:
    """The output that a program left on the line of the next prompt; [] if there is none.

    `was` is the prompt on that line before the program ran.
    """
    if was and (prompt := re.search(_with_numbers(was), line)):
        return [line[: prompt.start()]] if prompt.start() else []
    for ending in endings:
        end = ending.text.rstrip()
        if end and (line.endswith(end) or (ending.right and end + " " * _GAP in line)):
            return []
    return [line]


def _with_numbers(prompt: str) -> str:
    """An expression for a prompt at the end of a line, in which numbers may have changed: a clock,
    the number of the command.
    """
    first, *parts = filter(None, re.split(r"(\d+)", prompt))
    # digits that a program has left before the prompt are not the prompt's
    start = rf"\d{{{len(first)}}}" if first.isdecimal() else re.escape(first)
    rest = (r"\d+" if part.isdecimal() else re.escape(part) for part in parts)
    return f"{start}{''.join(rest)}\\Z"


def ending_of(value: dict[str, Any]) -> Ending:
    """An Ending from its dict; the reverse of dataclasses.asdict."""
    return Ending(str(value["text"]), int(value["count"]), bool(value["right"]), value.get("shape"))

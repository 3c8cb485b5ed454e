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
_GAP = 4  # at least this many blanks separate a right prompt from the cursor
_PROMPT_END = re.compile(r"(?:[$#%>❯➜»›λ✗✓→⟩:)\]}] ?)\Z")


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


def at_empty_prompt(line: str, column: int, endings: Sequence[Ending], before: str = "") -> bool:
    """Whether the line is a known empty prompt, with no text typed to its left or right.

    `before` is the line before it, unless assigner has typed that.
    """
    left, right = terminal_text.split_at(line, column)
    if right[:_GAP].strip():
        return False
    if _COMMAND_MODE.match(left):
        return False
    if _may_continue(left, endings, before):
        return False
    return any(
        left.endswith(ending.text)
        and left.count(ending.text) <= ending.count
        and (ending.right or not right.strip())
        and _is_shaped(left, ending)
        for ending in endings
    )


def _may_continue(left: str, endings: Sequence[Ending], before: str) -> bool:
    """Whether the shell may wait here for the rest of a command (at PS2).

    PS2 is often just what the prompt ends with.  Such a line is the prompt only if the prompt was
    seen to be no more than that, and, where both may look alike, if the line before it is no command.
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
    if was and line.endswith(was):
        return [line.removesuffix(was)] if line != was else []
    for ending in endings:
        end = ending.text.rstrip()
        if end and (line.endswith(end) or (ending.right and end + " " * _GAP in line)):
            return []
    return [line]


def ending_of(value: dict[str, Any]) -> Ending:
    """An Ending from its dict; the reverse of dataclasses.asdict."""
    return Ending(str(value["text"]), int(value["count"]), bool(value["right"]), value.get("shape"))

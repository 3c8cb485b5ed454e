"""How assigner types to an agent, and what text it types for a prompt.  Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assigner.agents.provider import COUNTS, Manner
from assigner.system import terminal_text

_TAIL = 100  # characters at the end of a text that identify it if the composer has no `scrolled`
_SHORTEST = 20  # characters that identify the end of a text in a composer taller than its pane
_NARROW = 30  # the smallest width of a composer, in columns
_MOST_KEYS = 500
_AT_ONCE = 1000  # bytes that an agent reads in one call
# Characters that are never drawn, but have no category of their own for that: joiners of graphemes,
# fillers, variation selectors
_UNDRAWN = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)


@dataclass(frozen=True)
class Lack:
    """The parts of a prompt's context that a session lacks; None or empty for the others."""

    directory: str | None = None
    branch: str | None = None
    variables: Mapping[str, str] | None = None
    prerequisites: Sequence[str] = ()


def prompt(
    manner: Manner,
    content: str,
    lack: Lack,
    *,
    raw: bool = False,
    feedback: str | None = None,
    last: str | None = None,
) -> str:
    """The text to type for a prompt: first what the session lacks, then the feedback on an earlier
    attempt, the content, and `last`.  Control characters are removed: each would be a keystroke.
    Unless `raw`, what the agent would not submit as it is gets the least that makes it plain text.
    """
    parts = (_head(lack), None if raw else feedback, content, last)
    text = terminal_text.clean("\n\n".join(filter(None, parts)))
    return text if raw else _disarmed(manner, _as_text(manner, text))


def is_refused(manner: Manner, text: str) -> bool:
    """Whether the agent would read a text as a command of its own, whatever precedes it."""
    return manner.refuse is not None and manner.refuse.search(_bared(text)) is not None


def shows(draft: str | None, text: str, manner: Manner) -> bool:
    """Whether the composer's text `draft` is `text` and nothing else, as far as the screen shows.

    A composer wraps a text, and shows only the end of a long one, or only a marker with its size.
    """
    if draft is None:
        return False
    if is_counted(marker(draft, manner), text):
        return True
    if _is_drawn(draft, text):  # even if the text itself looks like a marker
        return True
    if manner.scrolled is None:
        seen = squeezed(draft)
        return len(seen) >= _TAIL and squeezed(text).endswith(seen)
    drawn = f" {draft}"  # the mark may be alone in a line
    seen, wanted = (squeezed(manner.scrolled.sub("", part)) for part in (drawn, text))
    return manner.scrolled.search(drawn) is not None and bool(seen) and wanted.endswith(seen)


def is_end(tail: str | None, text: str) -> bool:
    """Whether the visible end of a composer's text is the end of `text`."""
    seen = squeezed(tail or "")
    return len(seen) >= _SHORTEST and squeezed(text).endswith(seen)


def marker(draft: str | None, manner: Manner) -> re.Match[str] | None:
    """The marker that a composer shows in place of a pasted text; None for anything else."""
    return manner.pasted.fullmatch(draft.strip()) if manner.pasted and draft else None


def is_counted(found: re.Match[str] | None, text: str) -> bool:
    """Whether a marker of a pasted text has the counts of this text."""
    return found is not None and all(
        _counts(name, text) == int(count or 0) for name, count in found.groupdict().items()
    )


def is_numbered(found: re.Match[str]) -> bool:
    """Whether a marker has a number that distinguishes it from the markers of other pastes."""
    left = found[0]
    for count in filter(None, found.groups()):
        left = left.replace(count, "", 1)
    return any(map(str.isdigit, left))


def shows_beginning(draft: str | None, text: str) -> bool:
    """Whether a composer shows the beginning of a text whose end was deleted."""
    seen = squeezed(draft or "")
    return bool(seen) and squeezed(text).startswith(seen)


def clearing(manner: Manner, text: str) -> str:
    """The keys that delete a text, or most of it, from a composer, wrapped or not."""
    lines = sum(2 + len(line) // _NARROW for line in text.split("\n"))
    return manner.clear * min(lines, _MOST_KEYS)


def is_drawn(text: str) -> bool:
    """Whether a terminal shows any character of a text."""
    return bool(squeezed(text))


def may_have_leaked(text: str) -> bool:
    """Whether a shell could run lines of a text if the agent exits in the middle of its paste."""
    return "\n" in text or len(text.encode()) > _AT_ONCE


def _head(lack: Lack) -> str:
    lines = []
    if lack.directory is not None:
        lines.append(f"- directory: {lack.directory} (work there, not where you were started)")
    if lack.branch is not None:
        lines.append(
            f"- git branch: {lack.branch} (check it out there first; stop if that would touch"
            " uncommitted changes)"
        )
    for name, value in (lack.variables or {}).items():
        lines.append(f"- environment variable, for every command that you run: {name}={value}")
    for command in lack.prerequisites:
        lines.append(f"- run this first, and stop if it fails: {command}")
    return "\n".join(["The context of this task:", *lines]) if lines else ""


def _as_text(manner: Manner, text: str) -> str:
    """A text changed so that the agent attaches no file for it, does not exit, and submits it at
    Enter.
    """
    if manner.attached is not None:
        text = manner.attached.sub(_quoted, text)
    if manner.exits is not None and manner.exits.search(text):
        return f"{text.rstrip()}."
    if manner.open_end is not None and manner.open_end.search(text):
        return f"{text} "
    return text


def _quoted(match: re.Match[str]) -> str:
    """What matched in backquotes, the blanks around it outside them."""
    inner = match[0].strip()
    return match[0].replace(inner, f"`{inner}`")


def _disarmed(manner: Manner, text: str) -> str:
    """The text, so that the agent does not read it as one of its own commands."""
    bare = _bared(text)
    for before, expression in manner.disarm:
        if expression.search(bare):
            return f"{before}{bare}"
    return text


def _bared(text: str) -> str:
    """A text without its leading blanks and invisible characters."""
    for place, char in enumerate(text):
        if squeezed(char):
            return text[place:]
    return ""


def _counts(name: str, text: str) -> int:
    """The number that a marker of pasted text would show for this text."""
    newlines = text.count("\n")
    return dict(zip(COUNTS, (newlines, newlines + 1, len(text)), strict=True))[name]


def _is_drawn(draft: str, text: str) -> bool:
    """Whether a terminal may draw `text` as `draft`; a zero-width character may appear as any."""
    seen = squeezed(draft)
    visible = [squeezed(piece) for piece in _without_width(text, "\0").split("\0")]
    if len(visible) == 1:
        return bool(seen) and seen == visible[0]
    return bool(seen) and bool(re.fullmatch(".?".join(map(re.escape, visible)), seen))


def squeezed(text: str) -> str:
    """A text without the characters that agents and terminals change."""
    return _without_width("".join(composed(text).split()), "")


def composed(text: str) -> str:
    """A text in Unicode's composed form (NFC), in which some agents store it."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _without_width(text: str, instead: str) -> str:
    """A text without the characters that terminals do not draw: joiners, direction marks, variation
    selectors, unassigned code points.  `instead` replaces each of them.
    """
    if text.isascii():
        return text
    return "".join(
        instead if char in _UNDRAWN or unicodedata.category(char) in ("Cf", "Cn") else char
        for char in text
    )

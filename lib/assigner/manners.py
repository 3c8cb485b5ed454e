"""How an agent is typed to, and what a prompt becomes for it.  Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assigner import screen

COUNTS = ("newlines", "lines", "chars")  # what a marker of pasted text may tell
_TAIL = 100  # characters at a text's end that are enough where a composer does not say so
_NARROW = 30  # columns that a composer has at least
_MOST_KEYS = 500
_AT_ONCE = 1000  # bytes that an agent reads at once
_VARIANTS = range(0xFE00, 0xFE10)


@dataclass(frozen=True)
class Manner:
    """How an agent takes what is typed.

    `delay` milliseconds pass between a prompt is seen in its composer and Enter.  `pasted` is what
    stands there for a long one, with its count of `newlines`, `lines` or `chars` as groups;
    `scrolled` what tells that only a part of one is shown.  A prompt in which `disarm` is found
    would be a command: a blank before it makes it none.  At most so many `kilobytes` are taken
    whole.  An agent that was started less than `warm_up` seconds ago may lose what is typed.
    `escapes` is how often Escape has to be pressed to end a turn.  `clear` is a key that takes
    away the line, or a piece of it, at whose end the cursor stands, and does nothing in an empty
    composer.
    """

    delay: int = 0
    pasted: re.Pattern[str] | None = None
    scrolled: re.Pattern[str] | None = None
    disarm: re.Pattern[str] | None = None
    kilobytes: int = 50
    escapes: int = 1
    clear: str = ""
    warm_up: int = 3


@dataclass(frozen=True)
class Launch:
    """What is added to the line that starts an agent: `approve`, for leave to act unasked;
    `resume`, to go on with a `{conversation}`; `trust`, for a `{directory}` that is trusted, which
    stands there as a text of TOML.  Or that is written to `trust_file`, which is in the directory
    that the variable `trust_home` names, else in HOME: JSON, true at the path `trust_key`.
    """

    approve: str = ""
    resume: str = ""
    trust: str = ""
    trust_file: str = ""
    trust_home: str = ""
    trust_key: str = ""

    @property
    def trusts(self) -> bool:
        """Whether it can be told what to trust."""
        return bool(self.trust or self.trust_file)


@dataclass(frozen=True)
class Lack:
    """What of a prompt's context its session does not have; None and empty where it does."""

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
    """What is typed for a prompt: what its session lacks and what is said of an earlier attempt
    stand at its head, `last` at its end.  A control character in any of it would be a keystroke.
    """
    parts = (_head(lack), None if raw else feedback, content, last)
    text = screen.clean("\n\n".join(filter(None, parts)))
    if not raw and manner.disarm is not None and manner.disarm.search(text):
        return f" {text}"
    return text


def shows(draft: str | None, text: str, manner: Manner) -> bool:
    """Whether what stands in a composer is that text and nothing else, as far as it can be seen.

    A composer wraps a text, shows the end of a long one, or only that so much was pasted.
    """
    if draft is None:
        return False
    if (found := marker(draft, manner)) and all(
        _counts(name, text) == int(count or 0) for name, count in found.groupdict().items()
    ):
        return True
    if _is_drawn(draft, text):  # be it a text that reads as a marker
        return True
    if manner.scrolled is None:
        seen = _squeezed(draft)
        return len(seen) >= _TAIL and _squeezed(text).endswith(seen)
    drawn = f" {draft}"  # its mark may stand in an empty line
    seen, wanted = (_squeezed(manner.scrolled.sub("", part)) for part in (drawn, text))
    return manner.scrolled.search(drawn) is not None and bool(seen) and wanted.endswith(seen)


def marker(draft: str | None, manner: Manner) -> re.Match[str] | None:
    """What stands in a composer instead of a text that was pasted; None for anything else."""
    return manner.pasted.fullmatch(draft.strip()) if manner.pasted and draft else None


def is_numbered(found: re.Match[str]) -> bool:
    """Whether a marker differs from that of any other paste."""
    left = found[0]
    for count in filter(None, found.groups()):
        left = left.replace(count, "", 1)
    return any(map(str.isdigit, left))


def shows_beginning(draft: str | None, text: str) -> bool:
    """Whether what stands in a composer is what is left of a text once its end was taken away."""
    seen = _squeezed(draft or "")
    return bool(seen) and _squeezed(text).startswith(seen)


def clearing(manner: Manner, text: str) -> str:
    """The keys that take a text away which stands in a composer, be it wrapped, or most of it."""
    lines = sum(2 + len(line) // _NARROW for line in text.split("\n"))
    return manner.clear * min(lines, _MOST_KEYS)


def same(one: str | None, other: str) -> bool:
    """Whether an agent's words for a prompt and what was typed are the same text.

    Agents trim a prompt, and some of them its lines.
    """
    return one is not None and _squeezed(one) == _squeezed(other)


def is_drawn(text: str) -> bool:
    """Whether a terminal shows anything of a text."""
    return bool(_squeezed(text))


def spills(text: str) -> bool:
    """Whether a shell could run lines of a text whose agent ended while it was pasted."""
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


def _counts(name: str, text: str) -> int:
    """What a marker of pasted text counts."""
    newlines = text.count("\n")
    return dict(zip(COUNTS, (newlines, newlines + 1, len(text)), strict=True))[name]


def _is_drawn(draft: str, text: str) -> bool:
    """Whether a terminal shows a text so: what has no width may leave anything in its place."""
    seen = _squeezed(draft)
    visible = [_squeezed(piece) for piece in _without_width(text, "\0").split("\0")]
    if len(visible) == 1:
        return bool(seen) and seen == visible[0]
    return bool(seen) and bool(re.fullmatch(".?".join(map(re.escape, visible)), seen))


def _squeezed(text: str) -> str:
    """A text without what agents and terminals change in it."""
    return _without_width("".join(unicodedata.normalize("NFC", text).split()), "")


def _without_width(text: str, instead: str) -> str:
    """A text without what terminals do not draw: joiners, marks of direction, selectors of a
    variant, and numbers that are no character yet.
    """
    if text.isascii():
        return text
    return "".join(
        instead if unicodedata.category(char) in ("Cf", "Cn") or ord(char) in _VARIANTS else char
        for char in text
    )

"""How an agent is typed to, and what a prompt becomes for it.  Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Manner:
    """How an agent takes what is typed.

    `delay` milliseconds pass between a prompt is seen in its composer and Enter.  `pasted` is what
    stands there for a long one.  A prompt in which `disarm` is found would be a command: a blank
    before it makes it none.  At most so many `kilobytes` are taken whole.  `escapes` is how often
    Escape has to be pressed to end a turn.
    """

    delay: int = 0
    pasted: re.Pattern[str] | None = None
    disarm: re.Pattern[str] | None = None
    kilobytes: int = 50
    escapes: int = 1


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
    stand at its head, `last` at its end.
    """
    text = "\n\n".join(filter(None, (_head(lack), None if raw else feedback, content, last)))
    if not raw and manner.disarm is not None and manner.disarm.search(text):
        return f" {text}"
    return text


def shows(draft: str | None, text: str, pasted: re.Pattern[str] | None) -> bool:
    """Whether what stands in a composer is that text and nothing else, as far as it can be seen.

    A composer wraps a text, shows a part of a long one, or only that something was pasted.
    """
    if draft is None:
        return False
    wanted = _squeezed(text)
    pieces = [_squeezed(piece) for piece in (pasted.split(draft) if pasted else [draft])]
    written = [piece for piece in pieces if piece]
    if len(pieces) > 1 and not written:
        return True
    return bool(written) and all(piece in wanted for piece in written)


def same(one: str | None, other: str) -> bool:
    """Whether an agent's words for a prompt and what was typed are the same text.

    Agents trim a prompt, and some of them its lines.
    """
    return one is not None and _squeezed(one) == _squeezed(other)


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


def _squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())

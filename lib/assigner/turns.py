"""One turn of an agent's conversation: a prompt, what came of it, what its errors mean.  Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from assigner import clock
from assigner.records import Record, get

FORMATS = ("claude", "codex", "opencode")
_EARLY = 1.0  # so many seconds before `since` a prompt may have begun


@dataclass(frozen=True)
class Transcript:
    """Where an agent keeps its transcripts, their format, and what its errors mean.

    `home` is the environment variable that names the directory, `default` where that is below HOME
    otherwise.  Expressions are searched in `CODE STATUS MESSAGE` of an error (`-` for what it
    does not have); `reset` finds when a limit ends, by the first group that matched.
    """

    format: str
    home: str
    default: str
    context: re.Pattern[str] | None = None
    auth: re.Pattern[str] | None = None
    limited: re.Pattern[str] | None = None
    reset: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Turn:
    """A turn.  `state`: running, completed, failed or interrupted.

    `path` and `offset` tell where it begins, so that it is found again without a search, `begun`
    when, in epoch seconds; `message` is the last one of the agent; `failure` is api, auth, context,
    limited or interrupted; `reset` is the stated end of a limit, as the agent puts it or, if it
    tells the moment, ISO 8601; `at` is when it ended, in epoch seconds; `is_past`: another turn has
    begun since, or nothing of it can follow.
    """

    state: str
    conversation: str | None
    turn: str | None
    path: str
    offset: int
    message: str | None = None
    failure: str | None = None
    error: str | None = None
    reset: str | None = None
    at: float | None = None
    begun: float | None = None
    is_past: bool = False

    def running(self, message: str | None) -> "Turn":
        return replace(
            self, state="running", message=message or self.message, failure=None, error=None,
            reset=None, at=None,
        )  # fmt: skip

    def completed(self, at: float | None) -> "Turn":
        return replace(self, state="completed", at=at)

    def interrupted(self, at: float | None, error: str | None = None) -> "Turn":
        return replace(self, state="interrupted", failure="interrupted", error=error, at=at)

    def failed(
        self, shape: Transcript, at: float | None, message: str, code: object, status: object
    ) -> "Turn":
        failure = failure_of(shape, message, code, status)
        reset = reset_of(shape, message) if failure == "limited" else None
        return replace(
            self, state="failed", failure=failure, error=message or None, reset=reset, at=at
        )


class Begun(NamedTuple):
    """A turn and when its prompt was submitted, in epoch seconds."""

    at: float
    turn: Turn


def canonical(text: str) -> str:
    """A prompt as the transcripts of all agents have it: some trim it, expand its tabs, compose
    its accents.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return unicodedata.normalize("NFC", text).strip()


def mention(text: str) -> str:
    """Something that stands in any transcript with that prompt, however it is encoded."""
    return max(re.findall(r"[A-Za-z0-9]+", text), key=len, default="")


def failure_of(shape: Transcript, message: str, code: object, status: object) -> str:
    """The class of an error."""
    told = f"{code or '-'} {status or '-'} {message}"
    for failure in ("context", "auth", "limited"):
        pattern: re.Pattern[str] | None = getattr(shape, failure)
        if pattern is not None and pattern.search(told):
            return failure
    return "api"


def reset_of(shape: Transcript, message: str) -> str | None:
    """When a limit ends, as a message states it."""
    match = shape.reset.search(message) if shape.reset is not None else None
    if match is None or match.lastindex is None:
        return None
    stated = next(group for group in match.groups() if group is not None)
    return moment(int(stated)) if re.fullmatch(r"\d{10}", stated, re.ASCII) else stated


def moment(seconds: object) -> str | None:
    """Epoch seconds as text."""
    try:
        return clock.text(seconds) if isinstance(seconds, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None


def time_of(record: Record) -> float | None:
    """When a record was made, in epoch seconds."""
    stamp = record.get("timestamp")
    try:
        return clock.seconds(stamp) if isinstance(stamp, str) else None
    except (ValueError, OverflowError):
        return None


def choose(moments: Sequence[float | None], since: float) -> int | None:
    """Which of equal prompts is the one typed at `since`: the next one, else one just before."""
    for index, at in enumerate(moments):
        if at is not None and at >= since:
            return index
    for index, at in reversed(list(enumerate(moments))):
        if at is not None and at >= since - _EARLY:
            return index
    return None


def text_of(content: object, *types: str) -> str:
    """The text of a message's content."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (get(part, "text") for part in parts if get(part, "type") in types)
    return "\n".join(text for text in texts if isinstance(text, str))


def name(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

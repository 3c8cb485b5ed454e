"""One turn of an agent's conversation: its prompt, its outcome, its error class.  Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from assigner import clock
from assigner.agents.prompt_match import Typed
from assigner.agents.provider import Transcript
from assigner.agents.transcripts.jsonl import Record, get

_EARLY = 1.0  # seconds: a prompt may have begun this long before `since`


@dataclass(frozen=True)
class Turn:
    """A turn.  `state` is running, completed, failed or interrupted.

    It begins in the file `path` at `offset`, where a later pass finds it without a search, at the
    time `begun` (epoch seconds).  `message` is the agent's last one.  `failure` is api, auth,
    context, limited or interrupted.  `reset` is when a limit ends: ISO 8601 if the agent gives an
    exact time, else its own words.  `at` is when the turn ended, in epoch seconds.  `is_past`:
    another turn has begun since, or the agent can add nothing to this one.
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


def failure_of(shape: Transcript, message: str, code: object, status: object) -> str:
    """The failure class of an error: limited, auth, context or api."""
    described = f"{code or '-'} {status or '-'} {message}"
    for failure in ("context", "auth", "limited"):
        pattern: re.Pattern[str] | None = getattr(shape, failure)
        if pattern is not None and pattern.search(described):
            return failure
    return "api"


def reset_of(shape: Transcript, message: str) -> str | None:
    """The time at which a limit ends, as a message states it; None if it states none."""
    match = shape.reset.search(message) if shape.reset is not None else None
    if match is None or match.lastindex is None:
        return None
    stated = next(group for group in match.groups() if group is not None)
    return moment(int(stated)) if re.fullmatch(r"\d{10}", stated, re.ASCII) else stated


def moment(seconds: object) -> str | None:
    """Epoch seconds as ISO 8601 text; None for anything else."""
    try:
        return clock.text(seconds) if isinstance(seconds, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None


def time_of(record: Record) -> float | None:
    """The time of a record in epoch seconds; None if it has none."""
    stamp = record.get("timestamp")
    try:
        return clock.seconds(stamp) if isinstance(stamp, str) else None
    except (ValueError, OverflowError):
        return None


def pick(typed: Typed, prompts: Sequence[tuple[str, float | None]], since: float) -> int | None:
    """Which of these prompts, each with its time, was typed at `since` (epoch seconds)."""
    equal = [place for place, (said, _) in enumerate(prompts) if typed.is_prompt(said)]
    index = choose([prompts[place][1] for place in equal], since)
    if index is not None:
        return equal[index]
    if typed.left is None:
        return None
    after = [
        (at, place)
        for place, (_, at) in enumerate(prompts)
        if at is not None and at >= typed.left[0]
    ]
    at, place = min(after, default=(None, 0))
    return place if typed.is_submission(prompts[place][0] if after else None, at) else None


def choose(moments: Sequence[float | None], since: float) -> int | None:
    """Which of several equal prompts was typed at `since` (epoch seconds); an index of `moments`.

    The first one after `since`, else the last one just before; None if neither exists.
    """
    for index, at in enumerate(moments):
        if at is not None and at >= since:
            return index
    for index, at in reversed(list(enumerate(moments))):
        if at is not None and at >= since - _EARLY:
            return index
    return None


def text_of(content: object, *types: str) -> str:
    """The text of a message's content: its parts of the given types."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (get(part, "text") for part in parts if get(part, "type") in types)
    return "\n".join(text for text in texts if isinstance(text, str))


def name(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

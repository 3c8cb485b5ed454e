"""Times as the database stores them: UTC, ISO 8601, milliseconds, `Z`.

The text has a fixed width, so that comparing texts compares times.
"""

import os
import re
import time
from datetime import UTC, datetime, timedelta

from assigner.errors import SetupError, UsageError

_DURATION = re.compile(r"\+(\d+(?:\.\d+)?)(s|m|h|d)\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def now() -> float:
    """Seconds since the epoch; `ASSIGNER_NOW` (ISO 8601) replaces the clock, for tests and replays.

    Raises SetupError if ASSIGNER_NOW is not a time.
    """
    pinned = os.environ.get("ASSIGNER_NOW")
    if not pinned:
        return time.time()
    try:
        return seconds(pinned)
    except ValueError:
        raise SetupError(f"ASSIGNER_NOW is not a time: '{pinned}'") from None


def text(moment: float) -> str:
    """Epoch seconds -> `2026-02-14T20:00:00.000Z`."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def seconds(moment: str) -> float:
    """The reverse of `text`; a time without a zone is UTC.  ValueError if it is not a time."""
    at = datetime.fromisoformat(moment)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def since(moment: str, at: float) -> float:
    """Seconds from `moment`, a time in the past, to `at`; infinite if it lies in the future.

    In that case the clock was set back by an unknown amount: every delay counts as over.
    """
    passed = at - seconds(moment)
    return passed if passed >= 0 else float("inf")


def parse(value: str) -> str:
    """What a person writes (`+90s`, `+2h`, ISO 8601; local time without a zone) -> `text`.

    Raises UsageError for anything else.
    """
    try:
        if match := _DURATION.match(value):
            return text(now() + float(match[1]) * _SECONDS[match[2]])
        if (at := datetime.fromisoformat(value).timestamp()) < 0:
            raise ValueError("times before 1970 do not sort as texts")
        return text(at)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"'{value}' is not a time: write 2026-02-14T20:00, with Z for UTC, or +30m"
        ) from None


def ago(moment: str | None, at: float) -> str:
    """The time from `moment` to `at` (epoch seconds), for people: `12s`, `5m`, `3h`, `2d`.

    Empty for None; `0s` if `moment` lies in the future.
    """
    if moment is None:
        return ""
    span = timedelta(seconds=max(0, at - seconds(moment)))
    if span.days:
        return f"{span.days}d"
    for unit, size in (("h", 3600), ("m", 60)):
        if span.seconds >= size:
            return f"{span.seconds // size}{unit}"
    return f"{span.seconds}s"

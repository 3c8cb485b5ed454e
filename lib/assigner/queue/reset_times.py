"""Finds when a usage limit ends, from the words of an agent.  Pure."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_JUST = 15 * 60.0  # a time of day that passed so recently is not tomorrow's
_LONGEST = 8 * 86400.0  # limits are hourly, daily or weekly: a later time is a misreading
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(
    r"(\d+(?:\.\d+)?)\s*(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?![a-z])",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\b(\d{1,2})(?::(\d{2}))?(?::\d{2})?\s*([ap])\.?m\b|\b(\d{1,2}):(\d{2})\b", re.IGNORECASE
)
_DAY = re.compile(
    r"\b(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?\s+(\d{1,2})(?:st|nd|rd|th)?\b",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(
    r"\b(mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\b", re.IGNORECASE
)
_ZONE = re.compile(r"\b([A-Z][A-Za-z_]+(?:/[A-Za-z0-9_+-]*\w)+|UTC|GMT)\b")
_EPOCH = re.compile(r"\b(\d{10})(\d{3})?\b")
_ISO = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def parse(text: str, now: float, zone: tzinfo | None = None) -> float | None:
    """The time that the text means, in epoch seconds: the next one, or one that has just passed.

    None if the text contains none.
    Understands `6:09 AM`, `3pm (Europe/Berlin)`, `Feb 3 at 5pm`, `Mon 12:00`, `2 hours 5 minutes`,
    `1h30m`, ISO 8601 and seconds since the epoch.  A time without a zone is in `zone`, by default
    local time.
    """
    try:
        at = _exact(text) or _named(text, now, zone) or _span(text, now)
    except (ValueError, OverflowError):
        return None
    return at if at is not None and now - _JUST <= at <= now + _LONGEST else None


def _exact(text: str) -> float | None:
    if match := _EPOCH.search(text):
        return float(match[1])
    if match := _ISO.search(text):
        return datetime.fromisoformat(match[0]).timestamp()
    return None


def _named(text: str, now: float, zone: tzinfo | None) -> float | None:
    """A time of day, today or on the named day; on the next such day if it has long passed."""
    clock, day, weekday = _CLOCK.search(text), _DAY.search(text), _WEEKDAY.search(text)
    if clock is None and day is None:
        return None
    here = datetime.fromtimestamp(now, _zone(text) or zone)
    passed = (here - timedelta(seconds=_JUST)).replace(second=0, microsecond=0)
    hour, minute = _time(clock) if clock else (0, 0)
    at = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if day:
        month, number = _MONTHS.index(day[1][:3].lower()) + 1, int(day[2])
        year = here.year + (month < here.month - 6)  # in December, January is next year
        at = at.replace(year=year, month=month, day=number)
    else:
        days = 7 if weekday else 1
        if weekday:
            at += timedelta(days=_WEEKDAYS.index(weekday[1][:3].lower()) - at.weekday())
        at -= timedelta(days=days)
        while at < passed:
            at += timedelta(days=days)
    return at.timestamp()


def _time(match: re.Match[str]) -> tuple[int, int]:
    if match[3] is None:
        return int(match[4]), int(match[5])
    if not 1 <= int(match[1]) <= 12:
        raise ValueError(match[0])
    return int(match[1]) % 12 + (12 if match[3].lower() == "p" else 0), int(match[2] or 0)


def _zone(text: str) -> tzinfo | None:
    """The named zone; None for local time.  ValueError for an unknown zone."""
    match = _ZONE.search(text)
    if match is None:
        return None
    from zoneinfo import (
        ZoneInfo,
        ZoneInfoNotFoundError,  # imported only if there is a zone
    )

    try:
        return UTC if match[1] in ("UTC", "GMT") else ZoneInfo(match[1])
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError(match[1]) from None


def _span(text: str, now: float) -> float | None:
    spans = [float(match[1]) * _UNITS[match[2][0].lower()] for match in _SPAN.finditer(text)]
    return now + sum(spans) if spans else None

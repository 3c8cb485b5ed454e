"""When a limit ends, from an agent's words."""

import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from assigner.queue import reset_times

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A person's local time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_zone_of_its_own() -> None:
    zone = ZoneInfo("America/New_York")
    now = at("2026-11-21T15:00", "America/New_York")
    assert reset_times.parse("4:40 PM", now, zone) == now + 100 * 60
    assert reset_times.parse("10pm (Europe/Berlin)", now, zone) == now + 60 * 60


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("text", "now", "meant"),
    [
        # a time of day: today, or tomorrow if it has passed
        ("6:09 AM", "2026-11-21T05:00", "2026-11-21T06:09"),
        ("6:09 AM", "2026-11-21T06:09:40", "2026-11-21T06:09"),
        ("6:09 AM", "2026-11-21T06:10", "2026-11-21T06:09"),  # it has just passed
        ("6:09 AM", "2026-11-21T06:26", "2026-11-22T06:09"),
        ("11:58 PM", "2026-11-22T00:05", "2026-11-21T23:58"),
        ("3pm", "2026-11-21T14:00", "2026-11-21T15:00"),
        ("3 p.m.", "2026-12-31T16:00", "2027-01-01T15:00"),
        ("12am", "2026-02-28T23:00", "2026-03-01T00:00"),
        ("12:30 pm", "2026-11-21T05:00", "2026-11-21T12:30"),
        ("17:45", "2026-11-21T05:00", "2026-11-21T17:45"),
        ("9am", "2026-10-24T22:00", "2026-10-25T09:00"),  # the clocks are put back meanwhile
        ("9am", "2026-03-28T22:00", "2026-03-29T09:00"),
        ("your monthly limit resets 3pm", "2026-11-21T14:00", "2026-11-21T15:00"),
        # on a day
        ("Feb 3 at 5pm", "2026-02-01T10:00", "2026-02-03T17:00"),
        ("February 3rd, 17:00", "2026-01-31T10:00", "2026-02-03T17:00"),
        ("Sept. 1", "2026-08-30T10:00", "2026-09-01T00:00"),
        ("Jan 2 at 5pm", "2026-12-30T10:00", "2027-01-02T17:00"),
        ("Dec 31 at 11pm", "2026-12-31T10:00", "2026-12-31T23:00"),
        ("Feb 29 at 5pm", "2028-02-28T10:00", "2028-02-29T17:00"),
        ("Mon 12:00", "2026-11-21T10:00", "2026-11-23T12:00"),
        ("Mon 12:00", "2026-11-23T12:00:30", "2026-11-23T12:00"),
        ("Monday 9:00", "2026-11-23T12:00", "2026-11-30T09:00"),
        ("Thurs 9am", "2026-11-21T10:00", "2026-11-26T09:00"),
        # from now on
        ("2 hours 5 minutes", "2026-11-21T10:00", "2026-11-21T12:05"),
        ("1h30m", "2026-11-21T10:00", "2026-11-21T11:30"),
        ("in 90 secs", "2026-11-21T10:00", "2026-11-21T10:01:30"),
        ("1.5 days", "2026-11-21T10:00", "2026-11-22T22:00"),
        ("1 week", "2026-11-21T10:00", "2026-11-28T10:00"),
    ],
)
def test_local_times(text: str, now: str, meant: str) -> None:
    assert reset_times.parse(text, at(now)) == at(meant)


@pytest.mark.parametrize(
    ("text", "zone", "meant"),
    [
        ("3pm (America/New_York)", "America/New_York", "2026-11-21T15:00"),
        ("3pm (Asia/Tokyo)", "Asia/Tokyo", "2026-11-22T15:00"),
        ("3:40 AM (America/Argentina/Buenos_Aires)", "America/Argentina/Buenos_Aires",
         "2026-11-22T03:40"),
        ("8am (America/Port-au-Prince)", "America/Port-au-Prince", "2026-11-21T08:00"),
        ("17:00 UTC", "UTC", "2026-11-21T17:00"),
        ("2026-11-21T17:30:00Z", "UTC", "2026-11-21T17:30"),
        ("2026-11-21 17:30 and so on", "Europe/Berlin", "2026-11-21T17:30"),
        ("2026-11-21T17:30:00.123+0200", "Africa/Tripoli", "2026-11-21T17:30:00.123"),
    ],
)  # fmt: skip
def test_zones_and_moments(text: str, zone: str, meant: str) -> None:
    assert reset_times.parse(text, at("2026-11-21T13:00")) == at(meant, zone)


def test_seconds_since_the_epoch() -> None:
    now = at("2026-11-21T13:00")
    assert reset_times.parse(f"limit reached|{now + 60:.0f}", now) == now + 60
    assert reset_times.parse(f"{now + 60:.0f}000", now) == now + 60


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "later today", "at 25:00", "13pm", "9:75", "Feb 30", "Feb 29 at 5pm", "Monday",
        "3pm (Mars/Olympus)", "9" * 400 + " hours", "1e9 weeks", "12345",
        "2026-11-21T12:00:00Z", "2027-11-21T12:00:00Z", "1000000000", "99999999999999999999",
        "2026-13-45T99:99", "1 month", "9 days", "Dec 24 at 5pm", "Nov 20 at 5pm",
    ],
)  # fmt: skip
def test_what_tells_no_time_that_can_be_meant(text: str) -> None:
    assert reset_times.parse(text, at("2026-11-21T14:00")) is None

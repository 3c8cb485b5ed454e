"""Times: as people write them, as the database stores them, as tools show them."""

import time
from collections.abc import Iterator

import pytest

from assigner import clock
from assigner.errors import SetupError, UsageError

NOON = "2026-02-14T12:00:00.000Z"


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSIGNER_NOW", NOON)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as here:
        here.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("+90s", "2026-02-14T12:01:30.000Z"),
        ("+30m", "2026-02-14T12:30:00.000Z"),
        ("+1.5h", "2026-02-14T13:30:00.000Z"),
        ("+2d", "2026-02-16T12:00:00.000Z"),
        ("2026-02-14T20:00Z", "2026-02-14T20:00:00.000Z"),
        ("2026-02-14 20:00:01.2345+01:00", "2026-02-14T19:00:01.234Z"),
        ("2026-02-14T20:00", "2026-02-14T19:00:00.000Z"),
        ("2026-07-14", "2026-07-13T22:00:00.000Z"),
    ],
)
def test_parse(written: str, kept: str, berlin: None) -> None:
    assert clock.parse(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "+5",
        "+5y",
        "-5m",
        "+m",
        "12:00",
        "2026-02-30",
        "+99999999999d",
        "0999-01-01",
        "+٣m\n",
    ],
)
def test_parse_refuses(written: str) -> None:
    with pytest.raises(UsageError, match="is not a time: "):
        clock.parse(written)


def test_now_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock.text(clock.now()) == NOON
    monkeypatch.setenv("ASSIGNER_NOW", "noon")
    with pytest.raises(SetupError, match="ASSIGNER_NOW is not a time: 'noon'"):
        clock.now()
    monkeypatch.delenv("ASSIGNER_NOW")
    assert clock.text(clock.now()) > NOON


@pytest.mark.parametrize("moment", [0.0, 1771070400.5, 4102444800.999])
def test_text_and_seconds_are_each_others_reverse(moment: float) -> None:
    assert len(clock.text(moment)) == len(NOON)
    assert clock.seconds(clock.text(moment)) == pytest.approx(moment, abs=0.001)


def test_texts_compare_as_their_times_do() -> None:
    moments = [9.0, 1e9 - 0.001, 1e9, 1e9 + 0.5, 1e9 + 86400, 4e9]
    texts = [clock.text(moment) for moment in moments]
    assert texts == sorted(texts)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86400, "1d"), (-5, "0s")],
)
def test_ago(seconds: int, shown: str) -> None:
    assert clock.ago(NOON, clock.seconds(NOON) + seconds) == shown
    assert clock.ago(None, 0) == ""


def test_since_a_moment_that_lies_ahead() -> None:
    at = clock.seconds(NOON)
    assert clock.since(NOON, at + 5) == 5
    assert clock.since(NOON, at - 5) == float("inf")

"""Delays before a retry: doubling, the limit, the jitter."""

import pytest

from assigner.queue import backoff


def middle() -> float:
    """The random number that means no jitter."""
    return 0.5


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(1, 30), (2, 60), (3, 120), (4, 240), (5, 300), (6, 300), (100_000, 300)],
)
def test_doubles_up_to_the_limit(attempt: int, seconds: float) -> None:
    assert backoff.delay(attempt, random=middle) == seconds


@pytest.mark.parametrize(
    ("number", "seconds"), [(0.0, 54), (0.25, 57), (0.5, 60), (0.75, 63), (1.0, 66)]
)
def test_jitter_is_a_fraction_either_way(number: float, seconds: float) -> None:
    assert backoff.delay(2, random=lambda: number) == pytest.approx(seconds)


def test_jitter_is_applied_to_the_limit_too() -> None:
    assert backoff.delay(9, random=lambda: 0.0) == pytest.approx(270)


def test_own_base_limit_and_jitter() -> None:
    delays = [backoff.delay(n, base=1, limit=5, jitter=0, random=lambda: 0.9) for n in (1, 2, 3, 4)]
    assert delays == [1, 2, 4, 5]


def test_random_by_default() -> None:
    delays = {backoff.delay(1) for _ in range(50)}
    assert len(delays) > 1
    assert all(27 <= seconds <= 33 for seconds in delays)


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_count_from_one(attempt: int) -> None:
    with pytest.raises(ValueError, match=f"'{attempt}'"):
        backoff.delay(attempt)

"""Computes how long to wait before a failed prompt is tried again."""

import random as _random
from collections.abc import Callable

_DOUBLINGS = 1000  # far beyond any limit, and still a float


def delay(
    attempt: int,
    *,
    base: float = 30.0,
    limit: float = 300.0,
    jitter: float = 0.1,
    random: Callable[[], float] = _random.random,
) -> float:
    """Seconds to wait after the `attempt`-th failure (the first is 1).

    Truncated binary exponential backoff: `base` seconds, doubled at each further failure, at
    most `limit` seconds; then changed by up to the fraction `jitter`, so that prompts that failed
    together do not return together.  The jitter may exceed the limit.  `random` returns a number
    in [0, 1).  Raises ValueError for an attempt below 1.

    Source: Metcalfe and Boggs, "Ethernet", CACM 19(7), 1976; for the jitter, M. Brooker,
    "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    if attempt < 1:
        raise ValueError(f"attempt '{attempt}' is below 1")
    plain = min(limit, base * 2.0 ** min(attempt - 1, _DOUBLINGS))
    return plain * (1 + jitter * (2 * random() - 1))

"""Measure durations, and print them as a table."""

import math
import resource
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from tabulate import tabulate

K = TypeVar("K")


class Run(NamedTuple):
    """The call to measure, and a call to make before each measurement."""

    call: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


class Figure(NamedTuple):
    """The result of measurements with its unit, and its upper or lower limit."""

    what: str
    measured: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the value is within its limit; empty if there is no limit."""
        if self.most is None and self.least is None:
            return ""
        over = self.most is not None and self.value > self.most
        under = self.least is not None and self.value < self.least
        return "OVER" if over or under else "ok"


def children_cpu() -> float:
    """The seconds of CPU of the processes that this one has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def quickest(
    runs: Mapping[K, Run],
    patience: int,
    most_seconds: float = 60,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[K, float]:
    """The least seconds that each run takes, by that clock.

    The runs take turns, so that a busy moment of the machine affects all of them, until in
    `patience` successive rounds none has become quicker by more than 2 %.
    """
    best = dict.fromkeys(runs, math.inf)
    until = time.monotonic() + most_seconds
    in_vain = 0
    while in_vain < patience and time.monotonic() < until:
        in_vain += 1
        for key, run in runs.items():
            run.prepare()
            begin = clock()
            run.call()
            seconds = clock() - begin
            if seconds < 0.98 * best[key]:
                in_vain = 0
            best[key] = min(best[key], seconds)
    return best


def milliseconds(seconds: Iterable[float]) -> str:
    """Durations, for people."""
    return " / ".join(f"{value * 1000:.1f}" for value in seconds) + " ms"


def table(figures: Iterable[Figure]) -> str:
    """The figures for people."""
    text = tabulate(
        [
            (
                f.what,
                f.measured,
                _text(f.value, f.unit),
                _text(f.most or f.least, f.unit),
                f.verdict,
            )
            for f in figures
        ],
        headers=("what", "measured", "figure", "limit", ""),
        colalign=("left", "left", "right", "right", "left"),
        disable_numparse=True,
    )
    return str(text)


def _text(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "ms":
        return f"{value * 1000:.1f} ms"
    return f"{value:.2f} x" if unit == "x" else f"{value:,.0f} {unit}".rstrip()

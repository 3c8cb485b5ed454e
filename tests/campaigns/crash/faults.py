#!/usr/bin/env python3
"""faults.py - make each call fail by which a pass writes, opens, renames or starts anything

The faults, made by strace(1) at each such call of each pass, once or from then on: disk full, I/O
error, permission denied, read-only, no descriptor or process left.  The pass must report it in one
line and with a documented status; ordinary passes then finish the open prompts, as after a kill
(calls.py).

exit status: 0 nothing was lost, typed twice, in the wrong place, stuck; 1 something was; 2 usage
"""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from campaigns.crash.calls import FINE, Stage, Tally, main
from campaigns.crash.tracing import ERRORS, Point, failing_at, points, record, spread, without_pages
from harness.workplace import Workplace


@dataclass(frozen=True)
class Fault:
    """The call that fails, and how; with `ever_after` every later call of that name fails, too."""

    point: Point
    error: str
    ever_after: bool

    def __str__(self) -> str:
        return f"{self.error}{' from' if self.ever_after else ' at'} {self.point}"


class Faulty(Stage):
    """A scene in which calls fail."""

    def faults(self, *, each: bool = False) -> list[Fault]:
        """Each error at each call; or, unless `each` counts, errors in turn."""
        calls = self.work.path / "calls"
        status, said = self.run(self._prepare(self.world), record(calls))
        assert status in (0, 1), said
        self.finish("undisturbed")
        made = [
            point
            for point in points(calls, self.begins(calls), each=True, reads=True)
            if point.call in ERRORS
        ]
        found = [
            Fault(point, error, ever_after)
            for point in without_pages(made)
            for error in ERRORS[point.call]
            for ever_after in (False, True)
        ]
        return found if each else found[::7]

    def strike(self, fault: Fault) -> None:  # type: ignore[override]
        """Make a call fail; then let ordinary passes continue."""
        command = self._prepare(self.world)
        self.tally.counts["points"] += 1
        under = failing_at(fault.point, fault.error, ever_after=fault.ever_after)
        status, said = self.run(command, under)
        self.tally.counts["struck"] += status != 0 or bool(said)
        name = Path(command[1]).name
        lines = said.splitlines()
        told = [line for line in lines if line.startswith(f"{name}: ")]
        silent = status in (1, 75, 78) and not said and fault.point.call != "write"
        bad = status not in FINE or "Traceback" in said or "internal error" in said
        if bad or silent or "it hung" in said or len(told) > 3:
            self.complain(f"{fault}: status {status}: {said}")
        self.finish(fault)


def play(name: str, work: Workplace, most: int = 0, *, each: bool = False) -> Tally:
    """Make calls of a scene fail: all of them, or `most` of them, evenly spread."""
    stage = Faulty(name, work)
    found = stage.faults(each=each)
    for fault in spread(found, most or len(found)):
        stage.strike(fault)
    return stage.tally


if __name__ == "__main__":
    main(__doc__ or "", play)

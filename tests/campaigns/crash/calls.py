#!/usr/bin/env python3
"""calls.py - kill each pass at each of its system calls, and count what was lost or typed twice

For each moment it prepares a scene (scenes.py) and kills the pass, its tmux client or both by
strace(1).  Then ordinary passes finish the open prompts, and it compares the prompts' own log, the
panes and the database.

exit status: 0 nothing was lost, typed twice, in the wrong place, stuck; 1 something was; 2 usage
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from campaigns.crash.book import ZERO, Count
from campaigns.crash.quick import Quick
from campaigns.crash.scenes import NAIVE, SCENES
from campaigns.crash.tracing import Point, client, killed_at, points, record, spread
from campaigns.crash.worlds import DIE, Command, Shells
from harness.workplace import Workplace

COLUMNS = ("points", "struck", "prompts", *ZERO, "tracebacks")
FINE = (0, 1, 75, 78, -signal.SIGKILL)


@dataclass(frozen=True)
class Moment:
    """Where a pass is to be struck: `client` is which of its tmux clients, none: the pass itself;
    `both`: and then the pass, too.
    """

    point: Point
    client: str = ""
    both: bool = False

    def __str__(self) -> str:
        who = f"client {self.client}" if self.client else "pass"
        return f"{who}{' and pass' if self.both else ''}: {self.point}"


@dataclass
class Tally:
    """The results of a scene."""

    scene: str
    counts: Count = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    faults: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not any(self.counts[name] for name in (*ZERO, "tracebacks"))


class Stage:
    """A scene at its place."""

    def __init__(self, name: str, work: Workplace) -> None:
        kind, prepare = {**SCENES, **NAIVE}[name]
        self.work = work
        self.world: Shells = kind(work)
        self._prepare: Callable[[Any], Command] = prepare
        self.tally = Tally(name)
        self._before = dict.fromkeys(ZERO, 0)

    def moments(self, *, each: bool = False) -> list[Moment]:
        """Those of one run that is not disturbed; see tracing.points."""
        calls, place = self.work.path / "calls", self.work.path / "client"
        status, said = self.run(self._prepare(self.world), record(calls))
        assert status in (0, 1), said
        self.finish("undisturbed")
        under = " ".join(record(place / "calls-NAME"))
        path = client(place, "acts.*", f"{under} TMUX")
        status, said = self.run(self._prepare(self.world), path=path)
        assert status in (0, 1), said
        found = [Moment(point) for point in points(calls, self.begins(calls), each=each)]
        for number, file in enumerate(sorted(place.glob("calls-*"))):
            which = file.name.removeprefix("calls-")
            found += [
                Moment(point, which, bool((number + index) % 2))
                for index, point in enumerate(points(file, each=each))
            ]
        looks = len(list(place.glob("looks.*")))
        found += [
            Moment(Point("sendmsg", 2), f"looks.{number + 1}", bool(number % 2))
            for number in range(looks)
        ]
        self.finish("undisturbed")
        return found

    def begins(self, calls: Path) -> str:
        """What the first call has in it that can do anything: the lock, the state directory, or,
        of `hook`, which has gone there, its file.
        """
        made = [
            line for line in calls.read_text(errors="replace").splitlines() if "exec" not in line
        ]
        wanted = ("flock(", str(self.work.state), '".hook.')
        return next((text for text in wanted if any(text in line for line in made)), "")

    def run(self, command: Command, under: Sequence[str] = (), path: str = "") -> tuple[int, str]:
        """Run the scene's command; returns its exit status and its messages."""
        environment = {**self.work.environment, "PYTHONDONTWRITEBYTECODE": "1"}
        if path:
            environment["PATH"] = f"{path}:{environment['PATH']}"
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                [*under, *command],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                env=environment, cwd="/", process_group=0,
            )  # fmt: skip
            try:
                status = process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                status = process.wait()
                said.write("it hung\n")
            said.seek(0)
            return status, said.read()

    def strike(self, moment: Moment) -> None:
        """Kill the pass, or its client, at that moment; then let ordinary passes continue."""
        command = self._prepare(self.world)
        self.tally.counts["points"] += 1
        if moment.client:
            mark = self.work.path / "struck"
            mark.unlink(missing_ok=True)
            act = f"{' '.join(killed_at(moment.point))} TMUX || echo >{mark}"
            then = f"{act}; {DIE}" if moment.both else f"{act}; exit 1"
            path = client(self.work.path / "client", moment.client, then)
            status, said = self.run(command, path=path)
            self.tally.counts["struck"] += mark.exists()
        else:
            status, said = self.run(command, killed_at(moment.point))
            self.tally.counts["struck"] += status == -signal.SIGKILL
        if status not in FINE or "Traceback" in said or "it hung" in said:
            self.complain(f"{moment}: status {status}: {said}")
        self.finish(moment)

    def complain(self, problem: str) -> None:
        self.tally.counts["tracebacks"] += 1
        self.tally.faults.append(f"{self.tally.scene}: {problem}")

    def finish(self, about: object) -> None:
        """Let ordinary passes continue, and count."""
        try:
            self.world.finish()
            count = self.world.count()
        except AssertionError as error:
            self.complain(f"{about}: {error}")
            return
        if new := {name: count[name] for name in ZERO if count[name] > self._before[name]}:
            self.tally.faults.append(f"{self.tally.scene}: {about}: {new}")
        self._before = {name: max(count[name], self._before[name]) for name in ZERO}
        self.tally.counts |= {"prompts": count["prompts"], **self._before}


def play(name: str, work: Workplace, most: int = 0, *, each: bool = False) -> Tally:
    """Strike a scene at all its moments, or at `most` of them, evenly spread."""
    stage = Stage(name, work)
    found = stage.moments(each=each)
    for moment in spread(found, most or len(found)):
        stage.strike(moment)
    return stage.tally


def table(tallies: Sequence[Tally]) -> Iterator[str]:
    """The results of each scene, and the totals."""
    titles = [name.replace("_", " ") for name in COLUMNS]
    yield f"{'':20}" + "".join(f"{title:>15}" for title in titles)
    for tally in tallies:
        yield row(tally.scene, tally.counts)
    yield row("all", {name: sum(tally.counts[name] for tally in tallies) for name in COLUMNS})


def row(title: str, counts: Mapping[str, int]) -> str:
    return f"{title:20}" + "".join(f"{counts[name]:15}" for name in COLUMNS)


def main(
    manual: str = __doc__ or "", play: Callable[..., Tally] = play, scenes: Sequence[str] = ()
) -> None:
    name, _, manual = manual.partition(" - ")
    parser = argparse.ArgumentParser(
        prog=name, description=manual, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scene",
        action="append",
        choices=[*SCENES, *NAIVE],
        metavar="S",
        help="default: all but naive ones",
    )
    parser.add_argument("--most", type=int, default=0, metavar="N", help="points of each scene")
    parser.add_argument(
        "--each", action="store_true", help="also the calls that leave nothing behind, every page"
    )
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # which ends what was started
    begun, tallies = time.monotonic(), []
    for scene in args.scene or scenes or SCENES:
        place = Path(tempfile.mkdtemp(prefix="assigner-calls-"))
        with Quick(place) as work:
            tally = play(scene, work, args.most, each=args.each)
        tallies.append(tally)
        print(row(scene, tally.counts), flush=True)
        print(*tally.faults, sep="\n", end="\n" * bool(tally.faults), file=sys.stderr, flush=True)
        if tally.is_good:
            shutil.rmtree(place)
    print(*table(tallies), f"{time.monotonic() - begun:.0f} s", sep="\n")
    raise SystemExit(not all(tally.is_good for tally in tallies))


if __name__ == "__main__":
    main()

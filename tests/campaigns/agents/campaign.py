#!/usr/bin/env python3
"""campaign.py - send prompts to real agents, and compare what they received with what was sent

Each case runs in a workplace of its own: a new HOME, a tmux server, and a model on loopback whose
log shows what an agent really received.  Missing agents are installed from npm into a cache
(install.py).  --naive types with paste and Enter alone: it shows what can go wrong, and that the
campaign detects it.  A case with a fault keeps its screen, database, spool and log.

exit status: 0 nothing was lost, typed twice, altered or misjudged; 1 something was, or an agent
             is not installed; 2 usage
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tabulate import tabulate

from campaigns.agents.cases import CASES, EXCEPT, NEEDS_TOOLS, UNTRUSTED, Trial
from campaigns.agents.deliveries import Delivery, Naive, Tools
from campaigns.agents.install import PACKAGES, programs
from campaigns.agents.places import Place

_AT_WORK: set[Place] = set()
# What ends a case, but not the campaign
_BROKEN = (AssertionError, OSError, ValueError, RuntimeError, subprocess.SubprocessError)


class Result(NamedTuple):
    """The result of one case."""

    agent: str
    case: str
    sent: int = 0
    received: int = 0
    lost: int = 0
    twice: int = 0
    altered: int = 0
    misjudged: int = 0
    seconds: float = 0
    notes: str = ""

    @property
    def faults(self) -> int:
        return self.lost + self.twice + self.altered + self.misjudged


class Mode(NamedTuple):
    """How the agents are set up: by which evidence, and with which settings of their own."""

    hooks: bool = True
    vim: bool = False
    status_line: bool = False


def run(
    agent: str, case: str, path: Path, deliver: Callable[[Place], Delivery], mode: Mode
) -> Result:
    """Run one case; its directory is kept if something went wrong."""
    begun = time.monotonic()
    chosen = {"vim": mode.vim, "status_line": mode.status_line}
    with Place(path, agent, trusted=case not in UNTRUSTED, **chosen) as place:
        _AT_WORK.add(place)
        if mode.hooks:
            place.install_hooks()
        trial = Trial(place, deliver(place))
        try:
            CASES[case](trial)
        except _BROKEN as error:
            trial.misjudged.append(" ".join(f"{type(error).__name__}: {error}".split())[:300])
        received = place.received()
        result = compared(agent, case, trial, received, time.monotonic() - begun)
        if result.faults:
            (path / "screen.txt").write_text(place.screen())
        _AT_WORK.discard(place)
    if not result.faults:
        shutil.rmtree(path)
    return result


def compared(agent: str, case: str, trial: Trial, received: list[str], seconds: float) -> Result:
    """Compare what was received with what should have been."""
    wanted, found = Counter(trial.expected), Counter(received)
    missing, extra = (wanted - found).total(), found - wanted
    # one after the other in one composer, or each by itself
    merged = sum(count for text, count in extra.items() if any(2 * one in text for one in wanted))
    twice = merged + sum(count for text, count in extra.items() if text in wanted)
    altered = extra.total() - twice
    return Result(
        agent,
        case,
        len(trial.expected),
        len(received),
        max(0, missing - altered - merged),
        twice,
        altered,
        len(trial.misjudged),
        round(seconds, 1),
        "; ".join(trial.misjudged),
    )


def give_up(number: int, _: object) -> None:
    """End all processes on Ctrl-C: threads cannot be interrupted."""
    for place in list(_AT_WORK):
        place.__exit__()
    os._exit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--agent", action="append", choices=PACKAGES, help="only this one (repeated)")
    add("--case", action="append", choices=CASES, metavar="CASE", help=", ".join(CASES))
    add("--no-hooks", action="store_true", help="use transcripts and screens, no hooks")
    add("--vim", action="store_true", help="set Claude Code to vim's keys")
    add("--status-line", action="store_true", help="show a clock below Claude Code's composer")
    add("--naive", action="store_true", help="type without looking")
    add("--jobs", type=int, default=3, metavar="N", help="run N cases at once (default 3)")
    args = parser.parse_args()
    if (args.vim or args.status_line) and args.agent != ["claude"]:
        parser.error("--vim and --status-line are settings of Claude Code: add --agent claude")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, give_up)
    top = Path(tempfile.mkdtemp(prefix="assigner-agents-", dir="/var/tmp"))
    known = programs()
    results: list[Result] = []
    todo: list[tuple[str, str]] = []
    for case in args.case or CASES:
        for agent in args.agent or PACKAGES:
            reason = EXCEPT.get((agent, case))
            if args.naive and case in NEEDS_TOOLS:
                reason = "not with --naive"
            if why := known[agent].missing:
                results.append(Result(agent, case, notes=f"not installed: {why}"))
            elif reason:
                results.append(Result(agent, case, notes=f"left out: {reason}"))
            else:
                todo.append((agent, case))
    deliver: Callable[[Place], Delivery] = Naive if args.naive else Tools
    mode = Mode(not (args.no_hooks or args.naive), args.vim, args.status_line)
    with ThreadPoolExecutor(args.jobs) as pool:
        begun = [
            pool.submit(run, agent, case, top / f"{agent}-{case}", deliver, mode)
            for agent, case in todo
        ]
        for future in as_completed(begun):
            results.append(result := future.result())
            said = f"{result.faults} faults: {result.notes}" if result.faults else "right"
            print(f"{result.agent} {result.case}: {said[:200]}", file=sys.stderr)
    return report(sorted(results), top)


def report(results: list[Result], top: Path) -> int:
    """Print the table, the sums, and where to look; returns the exit status."""
    rows = [(*result[:-1], result.notes[:70]) for result in results]
    print(tabulate(rows, headers=Result._fields))
    sums = {
        name: sum(getattr(result, name) for result in results)
        for name in ("sent", "received", "lost", "twice", "altered", "misjudged")
    }
    print("\n" + ", ".join(f"{name} {count}" for name, count in sums.items()))
    missing = any(result.notes.startswith("not installed") for result in results)
    if any(result.faults for result in results):
        print(f"what went wrong is in {top}")
        return 1
    top.rmdir()
    return int(missing)


if __name__ == "__main__":
    sys.exit(main())

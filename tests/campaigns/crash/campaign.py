#!/usr/bin/env python3
"""campaign.py - kill at random moments, and count what was lost or typed twice

The campaign keeps queueing prompts of every kind for shells and scripted agents in a tmux server of
its own, and runs passes, one or several at once.  It kills (-9) a pass alone, a pass with its tmux
client, the client alone, shells and agents, their hooks and reports, the tmux server, or everything
at once.  Then ordinary ticks finish the open prompts, and the campaign compares what the executors
received with the database.  TERM ends the kills early; the comparison follows.

exit status: 0 nothing was lost, typed twice, in the wrong place, stuck; 1 something was; 2 usage
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from campaigns.crash.fleet import Fleet
from campaigns.crash.killing import Pass
from harness.workplace import ROOT, Workplace

NO_LOCK = {"PYTHONPATH": str(ROOT / "tests/harness/nolock")}
SETTINGS = {
    "ASSIGNER_BACKOFF_BASE": "0.2", "ASSIGNER_TMUX_TIMEOUT": "10", "ASSIGNER_START_WAIT": "4",
    "ASSIGNER_KILL_GRACE": "1", "ASSIGNER_KEEP_REPORTS_DAYS": "0.01",
}  # fmt: skip
# What runs, several at once in some cases, and how often
MENU = {
    ("tick",): 10,
    ("deliver",): 4,
    ("assign-next",): 2,
    ("observe",): 2,
    ("scan",): 1,
    ("keepalive",): 2,
    ("retry-failed",): 1,
    ("cleanup-stale",): 1,
    ("sync-context",): 1,
    ("foundation-check",): 1,
    ("tick", "tick"): 6,
    ("assign-next", "deliver"): 3,
    ("deliver", "deliver", "observe"): 3,
    ("tick", "keepalive"): 1,
    ("tick", "cleanup-stale", "retry-failed"): 1,
}
OPTIONS = {
    "cleanup-stale": ("--apply",), "tick": ("--settle", 0.2), "deliver": ("--settle", 0.2),
    "keepalive": ("--settle", 0.2),
}  # fmt: skip
# What is killed, and how often
PASSES = {Pass.kill: 4, Pass.kill_group: 4, Pass.kill_client: 1}
EXECUTORS = {Fleet.kill_executor: 30, Fleet.kill_server: 2, Fleet.kill_all: 2}


class Campaign:
    """A fleet whose passes and executors are killed."""

    def __init__(self, work: Workplace, *, sessions: int, seed: int) -> None:
        work.environment |= SETTINGS
        self.fleet = Fleet(work, sessions, seed)
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.faults: list[str] = []
        self.stopped = False
        self._loaded = min(self._loading() for _ in range(3))
        self._spans = {tool: 0.3 for tools in MENU for tool in tools}

    def run(self, kills: int) -> None:
        """Kill `kills` times, then let the open prompts end."""
        told = time.monotonic()
        while self.kills.total() < kills and not self.stopped:
            if self.fleet.open() < 2 * len(self.fleet.executors):
                self.fleet.queue(2 * len(self.fleet.executors))
            if self.random.random() < 0.2:
                self.fleet.restore()
            if self.random.random() < 0.03:
                self.fleet.cancel()
            self._round()
            if time.monotonic() > told + 30:
                told = time.monotonic()
                done = f"{self.kills.total()} of {kills} kills, {len(self.fleet.orders)} prompts"
                print(done, file=sys.stderr, flush=True)
        self.fleet.finish()

    def _loading(self) -> float:
        """Seconds that a pass takes to load: kills in that time would test nothing."""
        begun = time.monotonic()
        Pass(self.fleet.work, "tick", "--help").wait()
        return 0.7 * (time.monotonic() - begun)

    def _round(self) -> None:
        """Start some passes, and kill them or what they work on."""
        (tools,) = self.random.choices(list(MENU), list(MENU.values()))
        unlocked = len(tools) > 1 and self.random.random() < 0.7
        env = NO_LOCK if unlocked else {}
        passes = [
            Pass(self.fleet.work, tool, "--wait", 0, *OPTIONS.get(tool, ()), env=env)
            for tool in tools
        ]
        tool = tools[0]
        time.sleep(self._loaded + self.random.uniform(0, self._spans[tool]))
        # as long as a pass takes on this machine now: about every fourth pass completes
        self._spans[tool] *= 1.05 if passes[0].process.poll() is None else 0.85
        if self.random.random() < 0.1:
            (strike,) = self.random.choices(list(EXECUTORS), list(EXECUTORS.values()))
            self.kills[strike.__name__] += strike(self.fleet)
        if self.random.random() < 0.9:
            (kill,) = self.random.choices(list(PASSES), list(PASSES.values()))
            for victim in passes:
                self.kills[kill.__name__] += kill(victim)
        for victim in passes:
            if victim.wait() not in (0, 1, 75, -9) or "Traceback" in victim.said:
                self.faults.append(f"{victim.name}: status {victim.wait()}: {victim.said}")


def main() -> None:
    name, _, manual = (__doc__ or "").partition(" - ")
    parser = argparse.ArgumentParser(
        prog=name, description=manual, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000, metavar="N")
    parser.add_argument("--sessions", type=int, default=8, metavar="K")
    parser.add_argument("--seed", type=int, metavar="S", help="of the prompts and the moments")
    args = parser.parse_args()
    seed = random.randrange(10**6) if args.seed is None else args.seed
    begun = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="assigner-crash-"))
    with Workplace(place) as work:
        campaign = Campaign(work, sessions=args.sessions, seed=seed)
        signal.signal(signal.SIGTERM, lambda *_: setattr(campaign, "stopped", True))
        campaign.run(args.kills)
        figures, faults = campaign.fleet.count()
    seconds = round(time.monotonic() - begun)
    columns = {"kills": campaign.kills.total(), **campaign.kills, **figures, "seconds": seconds}
    for title, value in columns.items():
        print(f"{title.replace('_', ' '):18}{value:6}")
    bad = [f"{kind}: {what}" for kind, found in faults.items() for what in found]
    bad += campaign.faults
    if bad:
        print(*bad, f"seed {seed}; see {place}", sep="\n", file=sys.stderr)
    else:
        shutil.rmtree(place)
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()

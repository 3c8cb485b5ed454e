#!/usr/bin/env python3
"""campaign.py - kill passes at random moments, and count what was lost or typed twice

Prompts are queued again and again for bash and zsh sessions of a tmux server of its own, while
passes over them are killed (-9): the pass alone, the pass with its tmux client, the client
alone.  Then ordinary ticks finish what is open, and the prompts' own log, the panes and the
database are compared.

exit status: 0 nothing was lost, typed twice, in the wrong place, stuck; 1 something was; 2 usage
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crash.book import ZERO, Book
from crash.killing import Pass
from support import Workplace

SETTINGS = {"ASSIGNER_BACKOFF_BASE": "0.2", "ASSIGNER_TMUX_TIMEOUT": "10"}
# What runs, two at once in some cases, and how often
MENU = {
    ("tick",): 10,
    ("deliver",): 4,
    ("assign-next",): 2,
    ("observe",): 2,
    ("scan",): 2,
    ("tick", "tick"): 2,
    ("assign-next", "deliver"): 1,
}
# What is killed, and how often
VICTIMS = {Pass.kill: 4, Pass.kill_group: 4, Pass.kill_client: 1}


class Campaign:
    """A book of prompts whose passes are killed."""

    def __init__(self, work: Workplace, *, sessions: int, seed: int) -> None:
        work.environment |= SETTINGS
        self.book = Book(work, sessions, seed)
        self.book.queue(2 * sessions)
        self.random = random.Random(seed)
        self.kills = 0
        self.faults: list[str] = []
        self._loaded = min(self._loading() for _ in range(3))
        self._spans = {tool: 0.3 for tools in MENU for tool in tools}

    def run(self, kills: int) -> None:
        """Kill so many passes, then let the rest come to its end."""
        while self.kills < kills:
            if self.book.open() < 2 * len(self.book.panes):
                self.book.queue(2 * len(self.book.panes))
            (tools,) = self.random.choices(list(MENU), list(MENU.values()))
            self._kill([Pass(self.book.work, tool, "--wait", 0) for tool in tools])
        self.book.finish()

    def _loading(self) -> float:
        """Seconds until a pass is at work: what it does before that is of no interest."""
        begun = time.monotonic()
        Pass(self.book.work, "tick", "--help").wait()
        return 0.7 * (time.monotonic() - begun)

    def _kill(self, passes: list[Pass]) -> None:
        tool = str(passes[-1].name)
        time.sleep(self._loaded + self.random.uniform(0, self._spans[tool]))
        # as long as a pass takes, here and now: every fourth or so comes to its end
        self._spans[tool] *= 1.05 if passes[-1].process.poll() is None else 0.85
        (kill,) = self.random.choices(list(VICTIMS), list(VICTIMS.values()))
        for victim in passes:
            self.kills += kill(victim)
        for victim in passes:
            if victim.wait() not in (0, 1, 75, -9) or "Traceback" in victim.said:
                self.faults.append(f"{victim.name}: status {victim.wait()}: {victim.said}")


def main() -> None:
    name, _, manual = (__doc__ or "").partition(" - ")
    parser = argparse.ArgumentParser(
        prog=name, description=manual, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000, metavar="N")
    parser.add_argument("--sessions", type=int, default=4, metavar="K")
    parser.add_argument("--seed", type=int, metavar="S", help="of the prompts and the moments")
    args = parser.parse_args()
    seed = random.randrange(10**6) if args.seed is None else args.seed
    begun = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="assigner-crash-"))
    with Workplace(place) as work:
        campaign = Campaign(work, sessions=args.sessions, seed=seed)
        campaign.run(args.kills)
        count = campaign.book.count()
    columns = {"kills": campaign.kills, **count, "seconds": round(time.monotonic() - begun)}
    for title, value in columns.items():
        print(f"{title.replace('_', ' '):14}{value:6}")
    bad = campaign.faults or any(count[name] for name in ZERO)
    if bad:
        print(*campaign.faults, f"seed {seed}; see {place}", sep="\n", file=sys.stderr)
    else:
        shutil.rmtree(place)
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()

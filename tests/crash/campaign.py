#!/usr/bin/env python3
"""campaign.py - kill passes at random moments, and count what was lost or typed twice

A driver keeps queueing prompts for bash and zsh sessions of a tmux server of its own, keeps
running passes, and kills them (-9): the pass, the pass with its tmux client, or the client
alone.  In the end ordinary ticks finish what is open.  Each prompt writes who and where it is
to a log, so that the log, tmux and the database can be compared.

exit status: 0 nothing was lost, typed twice, stuck ...; 1 something was
"""

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps, loads
from pathlib import Path
from typing import Any, TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crash.killing import Pass
from support import Pane, Workplace

SETTINGS = {
    "ASSIGNER_BACKOFF_BASE": "0.2",
    "ASSIGNER_TMUX_TIMEOUT": "10",
    "ASSIGNER_START_WAIT": "5",
}
# Which passes run together, and how often.
MENU = {
    ("tick",): 10,
    ("deliver",): 4,
    ("assign-next",): 2,
    ("observe",): 2,
    ("scan",): 2,
    ("tick", "tick"): 1,
    ("assign-next", "deliver"): 1,
}


@dataclass(frozen=True)
class Job:
    """One prompt of ours, and the line that each of its runs has to write."""

    key: str
    line: str
    prerequisite: bool
    runs: int


class Count(TypedDict):
    """What a campaign came to; all from `lost` on should be zero."""

    kills: int
    prompts: int
    attempts: int
    lost: int
    typed_twice: int
    wrong_context: int
    claimed_twice: int
    stuck: int
    integrity: int
    seconds: int


class Campaign:
    """A queue, its sessions and its log, while passes over it are killed."""

    def __init__(self, work: Workplace, *, seed: int, sessions: int) -> None:
        self.work, self.random = work, random.Random(seed)
        work.environment.update(SETTINGS)
        self.log = work.path / "log"
        self.directories = [work.path / name for name in ("one", "two words", "three'quoted")]
        for directory in self.directories:
            directory.mkdir()
        self.repos = [work.repo("repo-1"), work.repo("repo-2")]
        work.tmux(
            "new-session", "-d", "-s", "keep", "cat", ";", "set", "-g", "history-limit", "99999"
        )
        self.panes: list[Pane] = []
        for number in range(sessions):
            name = f"s{number}"
            self.panes.append(work.enrolled(name, ("bash", "zsh")[number % 2], columns=200))
        self.jobs: list[Job] = []
        self.kills = 0
        self.faults: list[str] = []
        self.started = time.monotonic()
        self._span = {tool: self._measure(tool) for tools in MENU for tool in tools}

    def run(self, kills: int) -> Count:
        """Kill so many passes, let the rest finish, and count."""
        while self.kills < kills:
            self._queue()
            tools = self.random.choices(list(MENU), MENU.values())[0]
            self._kill([Pass(self.work, tool, "--wait", 0) for tool in tools], tools)
        self._finish()
        return self.count()

    def count(self) -> Count:
        """Compare the log, the panes and the database."""
        rows = self.work.rows
        prompts = {row["tag"]: row for row in rows("SELECT *, tags ->> 0 AS tag FROM prompts")}
        attempts = rows("SELECT * FROM attempts ORDER BY id")
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        runs = Counter(line.partition("|")[0] for line in lines)
        expected = {job.line for job in self.jobs} | {f"before {job.key}|" for job in self.jobs}
        lost = twice = 0
        for job in self.jobs:
            ran = [
                attempt
                for attempt in attempts
                if attempt["prompt_id"] == prompts[job.key]["id"]
                and "started" in loads(attempt["evidence"]).get("reports", {})
            ]
            lost += prompts[job.key]["status"] not in (
                "completed",
                "pending",
                "assigned",
                "in_progress",
            )
            lost += runs[job.key] < len(ran) or len(ran) < job.runs
            twice += runs[job.key] > len(ran) or len(ran) > job.runs
            if job.prerequisite:
                twice += runs[f"before {job.key}"] != runs[job.key]
        open_prompts = (
            "SELECT id FROM prompts WHERE status IN ('pending', 'assigned', 'in_progress')"
        )
        return {
            "kills": self.kills,
            "prompts": len(self.jobs),
            "attempts": len(attempts),
            "lost": lost,
            "typed_twice": twice + self._typed_twice(),
            "wrong_context": sum(line not in expected for line in lines),
            "claimed_twice": self._claimed_twice(),
            "stuck": len(rows(open_prompts)) + len(self._left_over()),
            "integrity": sum(
                row["integrity_check"] != "ok" for row in rows("PRAGMA integrity_check")
            )
            + len(rows("PRAGMA foreign_key_check")),
            "seconds": round(time.monotonic() - self.started),
        }

    def _queue(self) -> None:
        """Keep about three prompts for each session open."""
        (row,) = self.work.rows(
            "SELECT count(*) AS n FROM prompts WHERE status IN ('pending', 'assigned', 'in_progress')"
        )
        if row["n"] >= 2 * len(self.panes):
            return
        made = [self._job() for _ in range(2 * len(self.panes))]
        text = "\n".join(dumps(draft) for _, draft in made)
        self.work.tool("send", "--jsonl", "-", input=text)
        self.jobs += [job for job, _ in made]

    def _job(self) -> tuple[Job, Mapping[str, Any]]:
        chance = self.random.random
        key = f"u{len(self.jobs)}.{self.random.randrange(10**6)}"
        draft: dict[str, Any] = {"tags": [key], "priority": self.random.randrange(3)}
        directory = branch = ""
        if chance() < 0.4:
            branch = self.random.choice(["main", "feature"])
            directory = str(self.random.choice(self.repos))
            draft |= {"working_dir": directory, "git_branch": branch}
        elif chance() < 0.5:
            directory = str(self.random.choice(self.directories))
            draft["working_dir"] = directory
        mark = key if chance() < 0.3 else ""
        if mark:
            draft["env_vars"] = {"MARK": mark}
        prerequisite = chance() < 0.2
        if prerequisite:
            draft["prerequisites"] = [f"printf '%s\\n' 'before {key}|' >> '{self.log}'"]
        if chance() < 0.2:
            draft["target_session"] = self.random.choice(self.panes).name
        here = '"$(pwd -P)"' if directory else "''"
        head = '"$(git symbolic-ref --short HEAD)"' if branch else "''"
        said = f"\"{key}|\"{here}'|'{head}'|'\"${{MARK-}}\""
        draft["content"] = f"printf '%s\\n' {said} >> '{self.log}'"
        runs = 1
        if chance() < 0.15:
            flag = self.work.path / f"flag-{key}"
            draft["content"] += f"\n[ -e '{flag}' ] || {{ : > '{flag}'; exit 3; }}"
            runs = 2
        return Job(key, f"{key}|{directory}|{branch}|{mark}", prerequisite, runs), draft

    def _measure(self, tool: str) -> tuple[float, float]:
        """When, after its start, a pass begins its work, and when it ends: seconds."""
        took = []
        for arguments in (["--help"], ["--wait", "0"]):
            begin = time.monotonic()
            Pass(self.work, tool, *arguments).wait()
            took.append(time.monotonic() - begin)
        return took[0] * 0.7, took[1] * 1.1

    def _kill(self, passes: list[Pass], tools: tuple[str, ...]) -> None:
        begin, end = self._span[tools[-1]]
        begun = time.monotonic()
        end += 0.15 if "deliver" in tools or "tick" in tools else 0
        time.sleep(self.random.uniform(begin, end))
        how = self.random.choices([Pass.kill, Pass.kill_group, Pass.kill_client], [4, 4, 1])[0]
        for victim in passes:
            if victim.running():
                if how is not Pass.kill_client or victim.clients():
                    self.kills += 1
                how(victim)
        for victim in passes:
            status = victim.wait()
            if status not in (0, 1, 75, -9) or "Traceback" in victim.said:
                self.faults.append(f"{victim.name}: {status}: {victim.said}")

    def _finish(self) -> None:
        self.work.tool("tick", "--until-idle", 60, status=(0, 1))
        self.work.tool("cleanup-stale", "--apply")

    def _typed_twice(self) -> int:
        """Attempts whose line stands more than once in the panes."""
        typed: Counter[str] = Counter()
        for pane in self.panes:
            text = self.work.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", pane.id)
            typed.update(re.findall(rf"{re.escape(str(self.work.state))}/run/(\d+)/ctx", text))
        return sum(times > 1 for times in typed.values())

    def _claimed_twice(self) -> int:
        """Claims of a prompt or a session whose last attempt was still alive."""
        alive: dict[object, int] = {}
        twice = 0
        for event in self.work.rows(
            "SELECT * FROM task_events WHERE type LIKE 'attempt.%' ORDER BY id"
        ):
            for key in (event["prompt_id"], event["session"]):
                if event["type"] == "attempt.claimed":
                    twice += key in alive
                    alive[key] = event["attempt_id"]
                elif event["type"].partition(".")[2] in (
                    "completed",
                    "failed",
                    "cancelled",
                    "released",
                    "unverified",
                ):
                    alive.pop(key, None)
        return twice

    def _left_over(self) -> list[Path]:
        return [path for name in ("run", "spool") for path in (self.work.state / name).iterdir()]


def report(count: Count, campaign: Campaign) -> bool:
    """Print the table; whether all is well."""
    from tabulate import tabulate

    print(tabulate([count.values()], [name.replace("_", " ") for name in count], tablefmt="github"))
    for fault in campaign.faults:
        print(fault, file=sys.stderr)
    return not campaign.faults and not any(value for name, value in list(count.items())[3:-1])


def main() -> None:
    name, _, manual = (__doc__ or "").partition(" - ")
    parser = argparse.ArgumentParser(
        prog=name, description=manual, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=None, metavar="S")
    parser.add_argument("--sessions", type=int, default=4, metavar="K")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    seed = random.randrange(10**6) if args.seed is None else args.seed
    print(f"seed {seed}", file=sys.stderr)
    directory = Path(tempfile.mkdtemp(prefix="assigner-crash-"))
    with Workplace(directory) as work:
        campaign = Campaign(work, seed=seed, sessions=args.sessions)
        good = report(campaign.run(args.kills), campaign)
    if good:
        import shutil

        shutil.rmtree(directory)
    else:
        print(directory)
    raise SystemExit(not good)


if __name__ == "__main__":
    main()

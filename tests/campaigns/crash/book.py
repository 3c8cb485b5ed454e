"""Prompts that each log their number and place, to compare with tmux and the database."""

import random
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import dumps, loads
from typing import Any

from assigner.store import statements
from harness.workplace import Workplace

OPEN = "status IN ('pending', 'assigned', 'in_progress')"
OUTCOMES = ("completed", "failed", "cancelled", "released", "unverified")


@dataclass(frozen=True)
class Job:
    """One prompt: the line that each of its runs writes, and how often it has to run."""

    key: str
    line: str
    prerequisite: bool = False
    runs: int = 1


Count = dict[str, int]
# What a count of a good book has none of
ZERO = ("lost", "typed_twice", "wrong_context", "claimed_twice", "stuck", "integrity")


def compare(jobs: Sequence[Job], lines: Sequence[str]) -> tuple[set[str], set[str], list[str]]:
    """What ran too seldom, what ran too often, and the lines that nobody should have written."""
    runs = Counter(line.partition("|")[0] for line in lines)
    lost, twice, expected = set(), set(), set()
    for job in jobs:
        times = [runs[job.key]]
        if job.prerequisite:
            times.append(runs[f"before {job.key}"])
        if min(times) < job.runs:
            lost.add(job.key)
        if max(times) > job.runs:
            twice.add(job.key)
        expected |= {job.line, f"before {job.key}|"}
    return lost, twice, [line for line in lines if line not in expected]


def claimed_twice(work: Workplace) -> int:
    """Claims of a prompt or a session whose last attempt was still alive."""
    alive: set[object] = set()
    twice = 0
    for event in work.rows("SELECT * FROM task_events WHERE attempt_id > 0 ORDER BY id"):
        what = event["type"].removeprefix("attempt.")
        for key in (event["prompt_id"], event["session"]):
            if what == "claimed":
                twice += key in alive
                alive.add(key)
            elif what in OUTCOMES:
                alive.discard(key)
    return twice


def left_over(work: Workplace) -> int:
    """Files of attempts and reports that nobody has removed."""
    return sum(len(list((work.state / name).iterdir())) for name in ("run", "spool"))


def broken(work: Workplace) -> int:
    """What SQLite finds wrong with the database, and what contradicts the queue's rules."""
    (row,) = work.rows("PRAGMA integrity_check(1)")
    found = int(row["integrity_check"] != "ok") + len(work.rows("PRAGMA foreign_key_check"))
    return found + sum(len(work.rows(rule)) for rule in statements.rules().values())


class Book:
    """Sessions of each shell, and the prompts that were queued for them."""

    def __init__(
        self,
        work: Workplace,
        sessions: int = 1,
        seed: int = 0,
        shells: Sequence[str] = ("bash", "zsh", "dash", "fish"),
        rc: str = "",
    ) -> None:
        self.work, self.random = work, random.Random(seed)
        work.environment["ASSIGNER_SESSIONS"] = "s[0-9]*"
        self.log = work.path / "log"
        self.log.touch()
        self.directories = [work.path / name for name in ("one", "two words", "three'quoted")]
        for directory in self.directories:
            directory.mkdir()
        self.repos = [work.repo("repo-1"), work.repo("repo-2")]
        work.pane("keep", "cat")
        work.tmux("set-option", "-g", "history-limit", "99999")
        self.panes = [
            work.shell(f"s{number}", shells[number % len(shells)], rc=rc, columns=200)
            for number in range(sessions)
        ]
        self.jobs: list[Job] = []

    def queue(self, prompts: int) -> None:
        """Queue so many prompts of all kinds."""
        made = [self._job() for _ in range(prompts)]
        self.work.tool("send", "--jsonl", "-", input="\n".join(dumps(draft) for _, draft in made))
        self.jobs += [job for job, _ in made]

    def open(self) -> int:
        """How many prompts are still to come to their end."""
        (row,) = self.work.rows(f"SELECT count(*) AS n FROM prompts WHERE {OPEN} OR retry_at > ''")
        return int(row["n"])

    def finish(self) -> None:
        """Let ordinary passes do what is open, and remove what dead ones left."""
        self.work.tool("tick", "--until-idle", 60, status=(0, 1))
        self.work.tool("cleanup-stale", "--apply")

    def count(self) -> Count:
        """Compare log, panes and database."""
        attempts = self.work.rows("SELECT * FROM attempts")
        started = Counter(
            attempt["prompt_id"]
            for attempt in attempts
            if "started" in loads(attempt["evidence"]).get("reports", {})
        )
        prompts = self.work.rows("SELECT id, status, tags ->> 0 AS key FROM prompts")
        assert sorted(row["key"] for row in prompts) == sorted(job.key for job in self.jobs)
        failed = {row["key"] for row in prompts if row["status"] in ("failed", "cancelled")}
        runs = {job.key: job.runs for job in self.jobs}
        again = {row["key"] for row in prompts if started[row["id"]] > runs[row["key"]]}
        lost, twice, wrong = compare(self.jobs, self.log.read_text().splitlines())
        return {
            "prompts": len(prompts),
            "attempts": len(attempts),
            "lost": len(lost | failed),
            "typed_twice": len(twice | again) + self._typed_twice(),
            "wrong_context": len(wrong),
            "claimed_twice": claimed_twice(self.work),
            "stuck": self.open() + left_over(self.work),
            "integrity": broken(self.work),
        }

    def check(self, about: object = "") -> None:
        """All prompts have run as often as they should, and nothing else has happened."""
        count = self.count()
        assert {name: count[name] for name in ZERO} == dict.fromkeys(ZERO, 0), about

    def _job(self) -> tuple[Job, Mapping[str, Any]]:
        def chance(probability: float) -> bool:
            return self.random.random() < probability

        key = f"u{len(self.jobs)}.{self.random.randrange(10**9)}"
        draft: dict[str, Any] = {"tags": [key], "priority": self.random.randrange(3)}
        directory = branch = mark = ""
        if chance(0.4):
            directory = str(self.random.choice(self.repos))
            branch = self.random.choice(["main", "feature"])
            draft |= {"working_dir": directory, "git_branch": branch}
        elif chance(0.5):
            directory = str(self.random.choice(self.directories))
            draft["working_dir"] = directory
        if chance(0.3):
            mark = key
            draft["env_vars"] = {"MARK": mark}
        if prerequisite := chance(0.2):
            draft["prerequisites"] = [f"printf '%s\\n' 'before {key}|' >> '{self.log}'"]
        if chance(0.2):
            draft["target_session"] = self.random.choice(self.panes).name
        here = '"$(pwd -P)"' if directory else ""
        head = '"$(git symbolic-ref --short HEAD)"' if branch else ""
        said = f"'{key}|'{here}'|'{head}'|'\"${{MARK-}}\""
        script = f"printf '%s\\n' {said} >> '{self.log}'"  # one write, O_APPEND
        runs = 1
        if chance(0.15):
            flag = self.work.path / f"flag-{key}"
            script += f"\n[ -e '{flag}' ] || {{ : > '{flag}'; exit 3; }}"
            runs = 2
        draft["content"] = f"sh -c {shlex.quote(script)}"  # in any shell's language
        return Job(key, f"{key}|{directory}|{branch}|{mark}", prerequisite, runs), draft

    def _typed_twice(self) -> int:
        """Attempts whose line stands more than once in the panes."""
        seen: Counter[str] = Counter()
        for pane in self.panes:
            text = self.work.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", pane.id)
            seen.update(re.findall(r"/run/(\d+)/ctx", text))
        return sum(times > 1 for times in seen.values())

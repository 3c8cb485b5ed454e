"""Prompts that each write who and where they are, and what their log, tmux and the database say."""

import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps, loads
from typing import Any, TypedDict

from support import Workplace

OPEN = "status IN ('pending', 'assigned', 'in_progress')"
OUTCOMES = ("completed", "failed", "cancelled", "released", "unverified")


@dataclass(frozen=True)
class Job:
    """One prompt: the line that each of its runs writes, and how often it has to run."""

    key: str
    line: str
    prerequisite: bool
    runs: int


class Count(TypedDict):
    """What came of it; of a good book all from `lost` on are zero."""

    prompts: int
    attempts: int
    lost: int
    typed_twice: int
    wrong_context: int
    claimed_twice: int
    stuck: int
    integrity: int


ZERO = ("lost", "typed_twice", "wrong_context", "claimed_twice", "stuck", "integrity")


class Book:
    """Sessions of bash and zsh, and the prompts that were queued for them."""

    def __init__(self, work: Workplace, sessions: int, seed: int = 0) -> None:
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
        shells = ("bash", "zsh")
        self.panes = [work.shell(f"s{n}", shells[n % 2], columns=200) for n in range(sessions)]
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
        lines = self.log.read_text().splitlines()
        runs = Counter(line.partition("|")[0] for line in lines)
        allowed = {job.line for job in self.jobs} | {f"before {job.key}|" for job in self.jobs}
        attempts = self.work.rows("SELECT * FROM attempts")
        started = Counter(
            attempt["prompt_id"]
            for attempt in attempts
            if "started" in loads(attempt["evidence"]).get("reports", {})
        )
        lost = twice = 0
        prompts = self.work.rows("SELECT id, status, tags ->> 0 AS key FROM prompts")
        assert sorted(row["key"] for row in prompts) == sorted(job.key for job in self.jobs)
        by_key = {row["key"]: row for row in prompts}
        for job in self.jobs:
            row = by_key[job.key]
            times = runs[job.key]
            before = runs[f"before {job.key}"] if job.prerequisite else times
            lost += row["status"] in ("failed", "cancelled") or min(times, before) < job.runs
            twice += max(times, before, started[row["id"]]) > job.runs
        return {
            "prompts": len(prompts),
            "attempts": len(attempts),
            "lost": lost,
            "typed_twice": twice + self._typed_twice(),
            "wrong_context": sum(line not in allowed for line in lines),
            "claimed_twice": self._claimed_twice(),
            "stuck": self.open() + self._left_over(),
            "integrity": self._broken(),
        }

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
        draft["content"] = f"printf '%s\\n' {said} >> '{self.log}'"  # one write, O_APPEND
        runs = 1
        if chance(0.15):
            flag = self.work.path / f"flag-{key}"
            draft["content"] += f"\n[ -e '{flag}' ] || {{ : > '{flag}'; exit 3; }}"
            runs = 2
        return Job(key, f"{key}|{directory}|{branch}|{mark}", prerequisite, runs), draft

    def _typed_twice(self) -> int:
        """Attempts whose line stands more than once in the panes."""
        seen: Counter[str] = Counter()
        for pane in self.panes:
            text = self.work.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", pane.id)
            seen.update(re.findall(r"/run/(\d+)/ctx", text))
        return sum(times > 1 for times in seen.values())

    def _claimed_twice(self) -> int:
        """Claims of a prompt or a session whose last attempt was still alive."""
        alive: set[object] = set()
        twice = 0
        for event in self.work.rows("SELECT * FROM task_events WHERE attempt_id > 0 ORDER BY id"):
            what = event["type"].removeprefix("attempt.")
            for key in (event["prompt_id"], event["session"]):
                if what == "claimed":
                    twice += key in alive
                    alive.add(key)
                elif what in OUTCOMES:
                    alive.discard(key)
        return twice

    def _left_over(self) -> int:
        return sum(len(list((self.work.state / name).iterdir())) for name in ("run", "spool"))

    def _broken(self) -> int:
        (row,) = self.work.rows("PRAGMA integrity_check(1)")
        return (row["integrity_check"] != "ok") + len(self.work.rows("PRAGMA foreign_key_check"))

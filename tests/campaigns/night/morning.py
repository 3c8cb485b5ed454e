"""The morning after a night: compare goals, queue, work logs and what the executors wrote."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.workplace import Workplace

# The rule of retries: which ends a task is tried again after, always or if it may run twice
AGAIN = {"exit_status", "api"}
AGAIN_IF_IDEMPOTENT = {"lost", "timeout"}
# Ends that only a task has which has begun
BEGUN = {"exit_status", "api", "timeout"}
ZERO = ("lost", "twice", "untold", "wrong", "unfinished", "stuck")
Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A goal task: the word that it is known by; what comes of its first run, its second ..."""

    key: str
    ends: tuple[str, ...]
    idempotent: bool
    for_agents: bool


@dataclass(frozen=True)
class Known:
    """All that is known of a task: its row, and its tries in the queue; how often it met a usage
    limit or a refused login (no try), how often the executors began with it, and how often the work
    logs have it assigned and ended.
    """

    task: Row
    tries: Sequence[Row]
    limits: int
    received: int
    told: Mapping[str, int]

    def faults(self, job: Job) -> list[str]:
        """What is wrong with it, as ZERO names it."""
        task, tries = self.task, self.tries
        if task["status"] not in ("completed", "failed") or not tries:
            return ["unfinished"]
        begun = [
            row for row in tries if row["outcome"] == "completed" or row["failure_class"] in BEGUN
        ]
        last = tries[-1]
        kind, left = last["failure_class"], task["max_attempts"] - task["attempts"]
        again = kind in AGAIN or (job.idempotent and kind in AGAIN_IF_IDEMPOTENT)
        ended = "completed" if last["outcome"] == "completed" else "failed"
        found = {
            "lost": self.received < len(begun),
            "twice": self.received > len(tries) + self.limits,
            "untold": self.told != {"assigned": task["attempts"], "ended": task["attempts"]},
            "wrong": task["status"] != ended
            or (ended == "failed" and again and left > 0)
            or left < 0
            or task["attempts"] != len(tries),
        }
        return [name for name, bad in found.items() if bad]


def compare(
    work: Workplace, jobs: Sequence[Job], runs: Path, sessions: Mapping[str, str]
) -> tuple[dict[str, int], list[str]]:
    """What has happened, with what should not have; and each fault, for people."""
    tries = work.rows(
        "SELECT w.task, a.outcome, a.failure_class"
        " FROM attempts AS a JOIN profile_work AS w ON w.prompt_id = a.prompt_id"
        " WHERE a.outcome <> 'released' ORDER BY a.id"
    )
    refused = sum(row["failure_class"] == "auth" for row in tries)
    limited = [row for row in tries if _is_no_try(row)]
    tries = [row for row in tries if not _is_no_try(row)]
    tasks = _tasks(work)
    told, received = _told(work, sessions), _received(work, jobs, runs, sessions)
    bad, faults = Counter[str](), []
    for job in jobs:
        task = tasks[job.key]
        mine = [row for row in tries if row["task"] == str(task["id"])]
        limits = sum(row["task"] == str(task["id"]) for row in limited)
        known = Known(task, mine, limits, received[job.key], told.get(task["id"], {}))
        if found := known.faults(job):
            bad.update(found)
            faults.append(f"{', '.join(found)}: {job}: {known}")
    stuck = _stuck(work) + given_back(work)
    classes = Counter(row["failure_class"] for row in tries)
    statuses = Counter(task["status"] for task in tasks.values())
    count = {
        "tasks": len(tasks),
        "completed": statuses["completed"],
        "failed": statuses["failed"],
        "prompts": work.row("SELECT count(*) AS n FROM prompts")["n"],
        "attempts": len(tries),
        "deaths": classes["lost"],
        "hangs": classes["timeout"],
        "failures": classes["exit_status"] + classes["api"],
        "limits": len(limited) - refused,
        "logins": refused,
        **{name: bad[name] for name in ZERO[:-1]},
        "stuck": len(stuck),
    }
    return count, faults + stuck


def _is_no_try(attempt: Row) -> bool:
    """Whether an attempt met a usage limit or a refused login, and so does not count."""
    return bool(attempt["outcome"] == "limited" or attempt["failure_class"] == "auth")


def given_back(work: Workplace, most: int = 6) -> list[str]:
    """Sessions that gave back so many claims in a row: such a session must rest instead."""
    rows = work.rows(
        "SELECT session, evidence ->> '$.released' AS why FROM attempts"
        " WHERE outcome IS NOT NULL ORDER BY session, id"
    )
    found = []
    for session, mine in itertools.groupby(rows, lambda row: row["session"]):
        for why, run in itertools.groupby(mine, lambda row: row["why"] is not None):
            if why and len(same := list(run)) > most:
                found.append(f"stuck: {session} gave back {len(same)} claims: {same[-1]['why']}")
    return found


def _tasks(work: Workplace) -> dict[str, Row]:
    """The goal tasks by their words."""
    found: dict[str, Row] = {}
    for status in ("completed", "failed", "pending", "in_progress", "cancelled"):
        listed = work.tool("goals", "list", "--status", status, "--limit", 0, "--json").json
        found |= {task["dedup_key"].rpartition(" ")[2]: task for task in listed}
    return found


def _received(
    work: Workplace, jobs: Sequence[Job], runs: Path, sessions: Mapping[str, str]
) -> Counter[str]:
    """How often the executors say that they began with each task."""
    found = Counter[str]()
    for job in jobs:
        if not job.for_agents and (runs / job.key).exists():
            found[job.key] = len((runs / job.key).read_text().splitlines())
    for name, kind in sessions.items():
        log = work.path / f"{name}.log"
        if kind == "agent" and log.exists():
            for event in map(json.loads, log.read_text().splitlines()):
                if event["event"] == "prompt":
                    found.update(re.findall(r"^u\d+\.", event["text"], re.MULTILINE))
    return found


def _told(work: Workplace, sessions: Mapping[str, str]) -> dict[int, Counter[str]]:
    """What the work logs say of each task."""
    found: dict[int, Counter[str]] = {}
    numbers: dict[str, int] = {}  # a completed task is told by its words
    for name in sessions:
        file = work.state / "foundation" / f"{name}.log"
        for line in file.read_text().splitlines() if file.exists() else []:
            said = line.partition(" - ")[2]
            if match := re.match(r"(Assigned|Failed|Cancelled) task (\d+): (.*)", said):
                number, what = int(match[2]), "assigned" if match[1] == "Assigned" else "ended"
                numbers.setdefault(match[3], number)
            elif match := re.match("Completed task: (.*)", said):
                number, what = numbers[match[1]], "ended"
            else:
                continue
            found.setdefault(number, Counter())[what] += 1
    return found


def _stuck(work: Workplace) -> list[str]:
    """Sessions that are not idle, and what has no end."""
    statements = (
        "SELECT name, status, status_reason FROM sessions WHERE status <> 'idle'",
        "SELECT id, status FROM prompts WHERE completed_at IS NULL OR retry_at IS NOT NULL",
        "SELECT id, session, stage FROM attempts WHERE outcome IS NULL",
        "SELECT prompt_id, task FROM profile_work WHERE settled_at IS NULL",
        "SELECT session, text FROM work_log_lines",
    )
    return [f"stuck: {row}" for statement in statements for row in work.rows(statement)]

"""Killed passes lose nothing and type nothing twice; and the campaign would detect it."""

import random
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from campaigns.crash import ledger
from campaigns.crash.book import Job, compare
from campaigns.crash.campaign import Campaign
from campaigns.crash.killing import Pass
from campaigns.crash.ledger import Run, World
from harness.workplace import Workplace, wait_for

pytestmark = pytest.mark.real

NAIVE = Path(__file__).with_name("naive.py")


def test_kills_at_random_moments(work: Workplace) -> None:
    """Without an agent that tells nothing, for whose silence one has to wait."""
    campaign = Campaign(work, sessions=6, seed=1)
    campaign.run(kills=40)
    figures, faults = campaign.fleet.count()
    assert not any(faults.values()), faults
    assert not campaign.faults
    assert figures["prompts"] >= 12


@pytest.mark.parametrize(
    ("step", "again", "lost", "twice"),
    [("claimed", 0, 1, 0), ("claimed", 1, 0, 0), ("typed", 0, 0, 0), ("typed", 1, 0, 1)],
)
def test_naive_delivery_is_found_out(
    work: Workplace, step: str, again: int, lost: int, twice: int
) -> None:
    pane = work.shell("one")
    log, database = work.path / "log", work.path / "naive.db"
    jobs = [Job(key, f"{key}|") for key in ("u1", "u2")]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE prompts (id INTEGER PRIMARY KEY, content, status)")
        for job in jobs:
            content = f"echo '{job.line}' >> {log}"
            connection.execute("INSERT INTO prompts VALUES (NULL, ?, 'pending')", (content,))

    def deliver(stop: str) -> Pass:
        return Pass(work, NAIVE, database, work.socket, pane.id, stop, again)

    victim = deliver(step)
    wait_for(victim.is_stopped)
    assert victim.kill_group()
    for _ in jobs:
        assert deliver("never").wait() == 0
    pane.run(f"echo end >> {log}")
    wait_for(lambda: log.exists() and "end" in log.read_text())

    lines = log.read_text().splitlines()[:-1]
    found = compare(jobs, lines)
    assert tuple(map(len, found)) == (lost, twice, 0)


@pytest.mark.parametrize(("again", "kind"), [(0, "lost"), (1, "twice")])
def test_naive_delivery_that_is_killed_at_random_moments_is_found_out(
    work: Workplace, again: int, kind: str
) -> None:
    """Sooner or later, as the campaign would find it."""
    dice = random.Random(1)
    pane = work.shell("one")
    log, database = work.path / "log", work.path / "naive.db"
    jobs: list[Job] = []
    log.touch()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE prompts (id INTEGER PRIMARY KEY, content, status)")

    def deliver() -> Pass:
        return Pass(work, NAIVE, database, work.socket, pane.id, "never", again)

    begun = time.monotonic()
    assert deliver().wait() == 0
    span = time.monotonic() - begun
    lost: set[str] = set()
    twice: set[str] = set()
    for number in range(1000):
        job = Job(f"u{number}", f"u{number}|")
        jobs.append(job)
        with closing(sqlite3.connect(database)) as connection, connection:
            content = f"echo '{job.line}' >> {log}"
            connection.execute("INSERT INTO prompts VALUES (NULL, ?, 'pending')", (content,))
        victim = deliver()
        time.sleep(span * dice.uniform(0.4, 1.1))
        span *= 1.03 if victim.process.poll() is None else 0.94
        victim.kill_group()
        victim.wait()
        deliver().wait()  # the timer's next pass, which lives
        pane.run(f"echo end-{number} >> {log}")
        wait_for(lambda number=number: f"end-{number}\n" in log.read_text())
        lines = [line for line in log.read_text().splitlines() if line.startswith("u")]
        lost, twice, _ = compare(jobs, lines)
        if {"lost": lost, "twice": twice}[kind]:
            return
    raise AssertionError("a naive delivery has lost and doubled nothing")


ATTEMPT: dict[str, Any] = {
    "id": 1, "prompt_id": 1, "session": "s1", "outcome": "completed", "stage": "submitted",
    "failure_class": None, "claimed_at": "1",
}  # fmt: skip
FAILED = ATTEMPT | {"outcome": "failed", "failure_class": "lost"}
PROMPT = {
    "id": 1, "key": "u1", "status": "completed", "held_by": None, "error": None, "idempotent": 0,
    "max_attempts": 3,
}  # fmt: skip
RUN = Run("u1", 2, "s1", done=True)
WORLD = World([ledger.Job("u1")], [PROMPT], [ATTEMPT], [RUN], [], float, lambda attempt: False)
AGAIN = [FAILED, ATTEMPT | {"id": 2, "claimed_at": "5"}]
RUNS = [replace(RUN, done=False), replace(RUN, at=6)]


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({}, set()),
        ({"runs": [RUN, RUN]}, {"typed_twice"}),
        ({"runs": []}, {"not_run"}),
        ({"runs": [replace(RUN, done=False)]}, {"not_run"}),
        ({"runs": [replace(RUN, right=False)]}, {"wrong_context"}),
        ({"runs": [RUN, Run("", 2, "s1")]}, {"wrong_context"}),
        ({"runs": [RUN, replace(RUN, session="s2")]}, {"wrong_context"}),
        ({"before": ["u1", "u1"]}, {"typed_twice"}),
        ({"prompts": [PROMPT | {"status": "pending"}], "attempts": [], "runs": []}, {"stuck"}),
        ({"attempts": AGAIN, "runs": RUNS}, {"lost", "typed_twice"}),
        ({"attempts": AGAIN, "runs": RUNS, "killed": lambda attempt: True}, {"typed_twice"}),
        (
            {
                "attempts": AGAIN, "runs": RUNS, "killed": lambda attempt: True,
                "prompts": [PROMPT | {"idempotent": 1}],
            },
            set(),
        ),
        (
            {"attempts": [AGAIN[0] | {"outcome": "released"}, AGAIN[1]], "runs": RUNS},
            {"typed_twice"},
        ),
        (
            {
                "attempts": [FAILED | {"failure_class": "exit_status"}],
                "prompts": [PROMPT | {"status": "failed"}],
                "jobs": [ledger.Job("u1", "exit_status", 1)],
            },
            {"lost"},
        ),
    ],
)  # fmt: skip
def test_what_was_not_promised_is_found(change: dict[str, Any], kinds: set[str]) -> None:
    assert {kind for kind, found in ledger.faults(replace(WORLD, **change)).items()} == kinds

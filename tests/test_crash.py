"""Passes that are killed lose nothing and type nothing twice; and what does would be found."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from crash.book import Job, compare
from crash.campaign import Campaign
from crash.killing import Pass
from support import Workplace, wait_for

NAIVE = Path(__file__).parent / "crash" / "naive.py"


def test_kills_at_random_moments(work: Workplace) -> None:
    campaign = Campaign(work, sessions=3, seed=1)
    campaign.run(kills=40)
    campaign.book.check()
    assert not campaign.faults
    assert len(campaign.book.jobs) >= 6


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

"""A clock that jumps by hours, and summer time: each prompt runs once, and none waits for hours."""

import random
import sqlite3
import time
from contextlib import closing

from assigner import clock
from campaigns.crash.book import Book
from harness.workplace import Workplace

HOUR = 3600.0
BERLIN = {"TZ": "Europe/Berlin"}


def at(hours: float) -> dict[str, str]:
    """The clock, so many hours ahead."""
    return {"ASSIGNER_NOW": clock.text(time.time() + hours * HOUR)}


def test_clock_that_jumps_to_and_fro(work: Workplace) -> None:
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0.1"
    book, chance = Book(work, sessions=3), random.Random(3)
    book.queue(10)
    for _ in range(10):
        work.tool("tick", env=at(chance.choice([-5, -1, 0, 1, 5])))
    book.finish()
    book.check()


def test_clock_that_was_ahead(work: Workplace) -> None:
    """What was put off then is not put off for hours."""
    work.enrolled("one")
    flag, early = work.path / "flag", at(5)
    work.tool("send", f"[ -e {flag} ] || {{ : > {flag}; false; }}", env=early)
    while not work.prompt(1)["retry_at"]:
        work.tool("tick", env=early)
    work.tick()
    assert work.prompt(1)["status"] == "completed"


def test_clock_that_was_ahead_while_a_line_was_lost(work: Workplace) -> None:
    """That it did not run is told in time; the prompt is not held for hours."""
    pane = work.enrolled("one", "bash")
    pane.run("bind 'RETURN: kill-whole-line'")
    pane.wait_for_prompt()
    work.environment["ASSIGNER_START_WAIT"] = "0.2"
    work.tool("send", "true", "--max-attempts", 1)
    work.tool("tick", env=at(5))
    assert work.row("SELECT stage FROM attempts")["stage"] == "typed"
    work.tick()
    assert work.prompt(1)["error"].startswith("not_accepted: typed, but the shell did not run")


def test_clock_that_was_ahead_while_a_prompt_ran(work: Workplace) -> None:
    """It is ended when its time is up."""
    work.enrolled("one")
    work.tool("send", "sleep 1000", "--max-attempts", 1, "--timeout", 2)
    work.run_until(lambda: work.prompt(1)["started_at"])
    with closing(sqlite3.connect(work.database)) as connection, connection:
        ahead = at(5)["ASSIGNER_NOW"]
        connection.execute("UPDATE attempts SET submitted_at = ?, updated_at = ?", (ahead, ahead))
    work.tick()
    assert work.prompt(1)["error"].startswith("timeout: ran longer than 2 s")


CHANGES = {
    "2036-03-30T01:59": "2036-03-30T00:59",
    "2036-03-30T02:30": "2036-03-30T01:30",  # which is on no clock
    "2036-03-30T03:00": "2036-03-30T01:00",
    "2036-10-26T02:30": "2036-10-26T00:30",  # which comes twice: the first
    "2036-10-26T03:00": "2036-10-26T02:00",
}


def test_times_around_a_change_of_the_clocks(work: Workplace) -> None:
    work.enrolled("one")
    for local, utc in CHANGES.items():
        sent = work.tool("send", "true", "--not-before", local, env=BERLIN)
        prompt, moment = int(sent.out), f"{utc}:00.000Z"
        assert work.prompt(prompt)["held_on"] == moment
        early = clock.text(clock.seconds(moment) - 0.001)
        for now, held_by in ((early, "time"), (moment, None)):
            work.tool("assign-next", "--limit", 1, env={**BERLIN, "ASSIGNER_NOW": now})
            assert work.prompt(prompt)["held_by"] == held_by
        work.tick()
        assert work.prompt(prompt)["status"] == "completed"


def test_retry_over_a_change_of_the_clocks(work: Workplace) -> None:
    """Half an hour is half an hour."""
    work.environment |= {
        **BERLIN,
        "ASSIGNER_BACKOFF_BASE": "1800",
        "ASSIGNER_BACKOFF_LIMIT": "1800",
    }
    work.enrolled("one")
    flag = work.path / "flag"
    work.tool("send", f"[ -e {flag} ] || {{ : > {flag}; false; }}")
    before = {"ASSIGNER_NOW": "2036-03-30T00:45:00Z"}
    while not work.prompt(1)["retry_at"]:
        work.tool("tick", env=before)
    due = clock.seconds(work.prompt(1)["retry_at"])
    assert 0.5 * 1800 <= due - clock.seconds("2036-03-30T00:45:00Z") <= 1.5 * 1800
    work.tool("tick", env={"ASSIGNER_NOW": clock.text(due - 0.001)})
    assert work.prompt(1)["status"] == "failed"
    work.tool("tick", env={"ASSIGNER_NOW": clock.text(due)})
    assert work.prompt(1)["status"] != "failed"

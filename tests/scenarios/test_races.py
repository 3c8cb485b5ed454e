"""Many at once: nothing is lost, claimed, typed or run twice, also without the file lock."""

import json
from collections import Counter
from itertools import zip_longest

import pytest

from campaigns.crash.book import Book
from campaigns.crash.killing import Pass
from harness.workplace import ROOT, Workplace

pytestmark = pytest.mark.real

NO_LOCK = {"PYTHONPATH": str(ROOT / "tests/harness/nolock")}


@pytest.mark.parametrize("lock", [{}, NO_LOCK], ids=["lock", "no lock"])
def test_sixteen_passes_at_once(work: Workplace, lock: dict[str, str]) -> None:
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0.2"
    book = Book(work, sessions=8)
    book.queue(60)
    statuses = set()
    for _ in range(5):
        tools = ("tick", "assign-next") * 8
        passes = [Pass(work, tool, "--wait", 1, env=lock) for tool in tools]
        for running in passes:
            status = running.wait()
            statuses.add(status)
            assert status in (0, 75), running.said
    assert statuses == ({0} if lock else {0, 75})
    book.finish()
    book.check()


@pytest.mark.parametrize(
    ("sends", "reports", "passes"), [(30, 20, 8), pytest.param(100, 50, 20, marks=pytest.mark.slow)]
)
def test_people_and_prompts_are_heard_while_passes_run(
    work: Workplace, sends: int, reports: int, passes: int
) -> None:
    """A send never fails; a pass may say that another one is running."""
    log, over = work.path / "log", work.path / "over"
    for name in ("one", "two", "three"):
        work.enrolled(name)
    work.tool("send", f"until [ -e {over} ]; do sleep 0.1; done", "--target", "one")
    work.run_until(lambda: work.prompt(1)["status"] == "in_progress")
    (attempt,) = work.rows("SELECT id FROM attempts")
    told = {"ASSIGNER_ATTEMPT": str(attempt["id"]), "ASSIGNER_SPOOL": str(work.state / "spool")}
    started = [
        work.start(*words, env=told)
        for together in zip_longest(
            [("send", f"echo {number} >> {log}") for number in range(sends)],
            [("report", "progress", f"step {number}") for number in range(reports)],
            [("tick", "--wait", 0.5, "--settle", 0) for _ in range(passes)],
        )
        for words in together
        if words
    ]
    for process in started:
        out, err = process.communicate(timeout=120)
        is_pass = "tick" in str(process.args)
        assert process.returncode == 0 or (is_pass and process.returncode == 75), (out, err)
        assert is_pass or not err
    over.touch()
    work.tick(until=60)
    rows = work.rows("SELECT status, attempts FROM prompts")
    assert rows == [{"status": "completed", "attempts": 1}] * (sends + 1)
    assert Counter(log.read_text().split()) == Counter(map(str, range(sends)))
    events = work.rows("SELECT data FROM task_events WHERE type = 'report.progress'")
    steps = Counter(json.loads(event["data"])["text"] for event in events)
    assert steps == Counter(f"step {number}" for number in range(reports))

"""Many passes at once: nothing is claimed, typed or run twice, also without the file lock."""

import pytest

from crash.book import Book
from crash.killing import Pass
from support import ROOT, Workplace

NO_LOCK = {"PYTHONPATH": str(ROOT / "tests/nolock")}


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

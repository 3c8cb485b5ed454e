"""A flood of reports: a pass reads a part of it, live attempts come first, no report is lost."""

import pytest

from assigner.outcomes import reports
from harness.workplace import Workplace, wait_for

MORE = 100  # than are read at once


@pytest.mark.parametrize("name", ["1.said.progress.{}", "1.exit.{}", "hook.claude.Stop.1.1.1.{}"])
def test_flood_of_reports_is_read_over_passes(work: Workplace, name: str) -> None:
    work.enrolled("one")
    work.tool("send", "true")
    work.tick()
    spool = work.state / "spool"
    for number in range(reports.MOST + MORE):
        (spool / name.format(number)).write_text(f"{number}\n")
    work.tool("observe")
    assert len(list(spool.iterdir())) == MORE
    work.tool("send", "true")
    for _ in range(2):
        work.tool("tick", "--settle", 20)
    assert work.prompt(2)["status"] == "completed"
    assert list(spool.iterdir()) == []
    told = work.row("SELECT count(*) AS n FROM task_events WHERE type = 'report.late'")
    assert told["n"] == (0 if "hook" in name else reports.MOST + MORE)


def test_own_reports_come_first(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "true")
    work.tick()
    spool = work.state / "spool"
    for number in range(3 * reports.MOST):
        (spool / f"1.exit.{number}").touch()
    work.tool("send", "true")
    work.tool("scan")
    work.tool("assign-next")
    work.tool("deliver", "--settle", 20)
    evidence = "SELECT 1 FROM attempts WHERE id = 2 AND evidence LIKE '%exit%'"
    wait_for(lambda: list(spool.glob("2.exit.*")) or work.rows(evidence))
    work.tool("observe")
    assert work.prompt(2)["status"] == "completed"
    assert list(spool.glob("1.*"))


@pytest.mark.slow
def test_a_hundred_thousand_reports(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "true")
    work.tick()
    spool = work.state / "spool"
    kinds = ("1.said.progress.{}", "1.exit.{}", "hook.claude.Stop.1.1.1.{}", "9.begun.{}", "x{}")
    for number in range(100_000):
        (spool / kinds[number % len(kinds)].format(number)).touch()
    work.tool("send", "true")
    work.run_until(lambda: work.prompt(2)["status"] == "completed")
    work.run_until(lambda: len(list(spool.iterdir())) == 20_000)
    assert {path.name[0] for path in spool.iterdir()} == {"x"}  # which is nobody's report

"""report, from inside a session, and sentinels; forged reports change nothing."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from campaigns.crash.tracing import can_trace
from harness.workplace import ROOT, Workplace, wait_for

REPORT = '"$ASSIGNER_REPORT"'


def give(work: Workplace, content: str, *options: object) -> dict[str, Any]:
    """The prompt, once it is over."""
    prompt = int(work.tool("send", content, "--max-attempts", 1, *options).out)
    work.tick()
    return work.prompt(prompt)


def events(work: Workplace, prompt: int | None) -> list[tuple[str, str]]:
    rows = work.rows(
        "SELECT type, data FROM task_events WHERE type LIKE 'report.%' AND prompt_id IS ?"
        " ORDER BY id", prompt
    )  # fmt: skip
    return [(row["type"], json.loads(row["data"])["text"]) for row in rows]


def test_what_a_prompt_reports_counts_when_it_ends(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    row = give(work, f"{REPORT} progress '1 of 2'; {REPORT} fail 'no disk'")
    assert (row["status"], row["exit_status"], row["error"]) == (
        "failed",
        0,
        "exit_status: no disk",
    )
    assert events(work, row["id"]) == [("report.progress", "1 of 2"), ("report.fail", "no disk")]
    row = give(work, f"{REPORT} fail early; {REPORT} ok 'it went well'")
    assert (row["status"], row["error"]) == ("completed", None)
    row = give(work, f"{REPORT} ok 'it went well'; exit 3")
    assert (row["status"], row["error"]) == ("failed", "exit_status: 3")
    row = give(work, f"{REPORT} fail 'no disk'; exit 3")
    assert row["error"] == "exit_status: 3: no disk"
    row = give(work, "env | grep ASSIGNER_ | sort")
    names = [line.partition("=")[0] for line in row["response"].splitlines()]
    assert [name for name in names if name[9:] in ("ATTEMPT", "REPORT", "SPOOL")] == [
        "ASSIGNER_ATTEMPT",
        "ASSIGNER_REPORT",
        "ASSIGNER_SPOOL",
    ]


def test_the_session_itself_gets_no_variable(work: Workplace, shell: str) -> None:
    pane = work.enrolled("one", shell)
    assert give(work, "true")["status"] == "completed"
    pane.wait_for_prompt()
    pane.run("env | grep -c ASSIGNER_ATTEMPT")
    pane.wait_for("\n0")


def test_an_outcome_waits_for_the_end(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", f"{REPORT} fail soon; read line")
    seen = "SELECT 1 FROM task_events WHERE type = 'report.fail'"
    work.run_until(lambda: work.rows(seen))
    assert work.prompt(1)["status"] == "in_progress"
    assert work.row("SELECT outcome FROM attempts") == {"outcome": None}


def test_what_an_agents_turn_reports_counts_when_that_ends(work: Workplace) -> None:
    agent = work.agent("one", tells="hooks")
    work.tool("enroll", "one")
    options = ["--attempt", 1, "--spool", work.state / "spool"]
    work.tool("send", "MODEL:tool make test", "--target", "one")
    work.tool("assign-next")
    work.tool("report", *options, "fail", "too early")
    work.run_until(lambda: work.prompt(1)["status"] == "in_progress")
    work.tool("report", *options, "progress", "1 of 2")
    work.tool("report", *options, "fail", "the tests do not pass")
    work.tool("observe")
    assert work.prompt(1)["status"] == "in_progress"
    agent.wait_for("Do you want to proceed?")
    agent.enter()
    work.run_until(lambda: work.prompt(1)["status"] != "in_progress")
    row = work.prompt(1)
    assert (row["status"], row["error"]) == ("failed", "exit_status: the tests do not pass")
    assert row["response"] == "done: make test"
    assert events(work, 1) == [
        ("report.late", "too early"), ("report.progress", "1 of 2"),
        ("report.fail", "the tests do not pass"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "status", "error"),
    [
        ("echo ASSIGNER-DONE ok 3 files", "completed", None),
        ("echo ASSIGNER-DONE fail no disk", "failed", "exit_status: no disk"),
        ("echo ASSIGNER-DONE ok fine; exit 2", "failed", "exit_status: 2"),
        (f"{REPORT} ok fine", "completed", None),
        ("true", "failed", "unverified: the work ended without"),
        ("set -v\necho nothing", "failed", "unverified: the work ended without"),
        ("cat >/dev/null <<E\nASSIGNER-DONE ok x\nE\nset +v", "failed", "unverified: "),
    ],
)
def test_a_sentinel_is_demanded(
    work: Workplace, content: str, status: str, error: str | None
) -> None:
    work.enrolled("one")
    row = give(work, content, "--sentinel")
    assert row["status"] == status
    assert (row["error"] or "").startswith(error or "") and bool(row["error"]) == bool(error)


def test_an_echoed_prompt_is_no_sentinel(work: Workplace) -> None:
    work.shell("one")
    work.tool("enroll", "one", "--command", "cat")
    row = give(work, "say it\nASSIGNER-DONE ok x", "--sentinel", "--provider", "command")
    assert row["error"].startswith("unverified: ")


def test_forged_and_late_reports_change_nothing(work: Workplace) -> None:
    work.enrolled("one")
    row = give(work, "true")
    spool = work.state / "spool"
    waiting = int(work.tool("send", "true", "--target", "one").out)
    work.tool("assign-next")
    for attempt in (1, 2, 999, 10**17):
        work.tool("report", "--attempt", attempt, "--spool", spool, "fail", f"no {attempt}")
    names = (f"{10**20}.said.ok.1", "2.said.maybe.1", f"{10**20}.begun.1", "2.said.ok")
    for name in names:
        (spool / name).touch()
    work.tick()
    assert work.prompt(row["id"])["status"] == work.prompt(waiting)["status"] == "completed"
    assert events(work, row["id"]) == [("report.late", "no 1")]
    assert events(work, waiting) == [("report.late", "no 2")]
    assert events(work, None) == [("report.late", "no 999"), ("report.late", f"no {10**17}")]
    assert {path.name for path in spool.iterdir()} == {*names}


def test_a_report_that_is_read_twice_counts_once(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "read line")
    work.run_until(lambda: work.prompt(1)["status"] == "in_progress")
    spool = work.state / "spool"
    work.tool("report", "--attempt", 1, "--spool", spool, "progress", "half")
    (report,) = spool.iterdir()
    kept = report.with_name(".kept")
    os.link(report, kept)
    work.tool("observe")
    assert not report.exists()
    kept.rename(report)
    work.tool("observe")
    assert not report.exists()
    assert events(work, 1) == [("report.progress", "half")]


def test_what_is_told_is_clean_and_bounded(work: Workplace) -> None:
    work.enrolled("one")
    odd = r"$(printf '\033[31mred\a\nb\377'; yes | head -c 90000)"
    row = give(work, f'{REPORT} fail "{odd}"')
    ((_, text),) = events(work, row["id"])
    assert text.startswith("red b\N{REPLACEMENT CHARACTER}y y y ")
    assert len(row["error"]) < 5000


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "'' is not one of ok, fail, progress"),
        (["maybe"], 2, "'maybe' is not one of ok, fail, progress"),
        (["progress"], 2, "progress needs a text"),
        (["--odd", "ok"], 2, "unknown option '--odd'"),
        (["--attempt"], 2, "option '--attempt' needs a value"),
        (["--attempt", "1x", "ok"], 2, "attempt '1x' is not a positive number"),
        (["--attempt", "-1", "ok"], 2, "attempt '-1' is not a positive number"),
        (["--attempt", "9" * 19, "ok"], 2, "is not a positive number"),
        (["ok"], 78, "no attempt: run report inside"),
        (["--attempt", "1", "ok"], 78, "no spool: run report inside"),
        (
            ["--attempt", "1", "--spool", "/nowhere", "ok"],
            78,
            "spool '/nowhere' is not a directory",
        ),
        (["--attempt", "1", "--spool", "spool", "ok"], 2, "'spool' is not an absolute path"),
    ],
)
def test_a_report_that_cannot_be_meant_is_refused(
    work: Workplace, arguments: list[str], status: int, message: str
) -> None:
    done = work.tool("report", *arguments, status=status)
    assert done.out == "" and done.err.startswith("report: ") and done.err.count("\n") == 1
    assert message in done.err


def test_a_spool_that_cannot_be_written_is_named(work: Workplace) -> None:
    spool = Path("/proc")  # where not even root makes files
    if os.geteuid() != 0:
        (spool := work.path / "closed").mkdir(mode=0o500)
    done = work.tool("report", "--attempt", 1, "--spool", spool, "ok", status=1)
    assert (done.out, done.err) == ("", f"report: cannot write into '{spool}'\n")


def test_a_dry_report_writes_nothing(work: Workplace) -> None:
    options = ["--attempt", 7, "--spool", work.home, "--dry-run", "--json", "--verbose"]
    done = work.tool("report", *options, "ok", "fine")
    assert done.json == {"attempt": 7, "report": "ok"}
    assert f"{work.home}/7.said.ok." in done.err
    assert list(work.home.iterdir()) == []


def test_it_needs_nothing_but_sh() -> None:
    assert (ROOT / "bin" / "report").read_text().startswith("#!/bin/sh\n")


@pytest.mark.skipif(not can_trace(), reason="needs strace, on x86-64")
def test_without_another_process_it_cannot_be_written(tmp_path: Path) -> None:
    """A shell that cannot fork exits with 2, which is said of wrong words here."""
    inject = "inject=clone,clone3,fork,vfork:error=EAGAIN"
    report = [ROOT / "bin" / "report", "--attempt", "1", "--spool", tmp_path, "ok"]
    done = subprocess.run(["strace", "-o", "/dev/null", "-e", inject, *report], check=False,
                          capture_output=True, timeout=20)  # fmt: skip
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_what_another_host_is_told_is_left_to_it(work: Workplace) -> None:
    """With a state directory that two hosts share."""
    work.enrolled("one")
    go = work.path / "go"  # it ends once `deliver`, which reads what is reported, is over
    work.tool("send", f"until [ -e {go} ]; do sleep 0.05; done", "--max-attempts", 1)
    for tool in ("scan", "assign-next", "deliver"):
        work.tool(tool)
    go.touch()
    wait_for(lambda: list((work.state / "spool").glob("1.exit.*")))
    for tool in ("observe", "cleanup-stale"):
        work.tool(tool, env={"ASSIGNER_HOST": "elsewhere"})
    work.tick()
    assert work.prompt(1)["status"] == "completed"

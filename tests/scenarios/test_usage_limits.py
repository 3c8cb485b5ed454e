"""A usage limit holds all sessions of an account until it ends; it does not count as an attempt."""

from typing import Any

import pytest

from assigner import clock
from harness.workplace import Workplace


def session(work: Workplace, name: str) -> dict[str, Any]:
    return work.row("SELECT * FROM sessions WHERE name = ?", name)


@pytest.mark.parametrize("tells", ["hooks", "transcript", ""])
def test_an_account_at_its_limit_waits_for_its_end(work: Workplace, tells: str) -> None:
    names = ("first", "same", "other")
    for name in names:
        directory = work.home / name
        directory.mkdir()
        work.agent(name, tells=tells if name == "first" else "hooks", cwd=directory)
        work.tool("enroll", name, *(("--account", "mine") if name == "other" else ()))
    texts = {"first": "MODEL:quota", "same": "hello", "other": "hello"}
    work.tool("send", texts["first"], "--target", "first")
    work.run_until(lambda: work.prompt(1)["held_by"] == "limit")
    for name in names[1:]:
        work.tool("send", texts[name], "--target", name)
    work.run_until(lambda: work.prompt(3)["status"] == "completed")
    limit = work.row("SELECT * FROM usage_limits")
    assert limit["account"] == "standin"
    assert [session(work, name)["status"] for name in names] == ["limited", "limited", "idle"]
    for id in (1, 2):
        row = work.prompt(id)
        assert (row["status"], row["held_by"], row["attempts"]) == ("pending", "limit", 0)
    assert [row["outcome"] for row in work.rows("SELECT outcome FROM attempts ORDER BY id")] == [
        "limited", "completed",
    ]  # fmt: skip
    until = clock.seconds(limit["until"])
    work.environment["ASSIGNER_NOW"] = clock.text(until - 2)
    work.tool("tick")
    assert work.prompt(2)["status"] == "pending"
    work.environment["ASSIGNER_NOW"] = clock.text(until + 1)
    work.run_until(lambda: work.prompt(2)["status"] in ("in_progress", "completed"))

"""A usage limit holds all sessions of an account until it ends; it does not count as an attempt."""

from collections.abc import Callable
from typing import Any

import pytest

from assigner import clock
from harness.workplace import Agent, Workplace

ENDED = ("completed", "failed", "cancelled")
NOW = clock.seconds("2040-01-01T00:00:00Z")  # pinned


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


@pytest.mark.parametrize("tells", ["hooks", "transcript", ""])
def test_the_words_of_a_limit_that_has_ended_keep_no_prompt_away(
    work: Workplace, tells: str
) -> None:
    """The old words stay on the screen until the next prompt is typed."""
    work.environment["ASSIGNER_START_WAIT"] = "2"
    words = work.home / "words"
    words.write_text("MODEL:quota\nMODEL:say first\nMODEL:say second\nMODEL:say third\n")
    agent = work.agent("one", tells=tells)
    work.tool("enroll", "one")
    for _ in range(3):
        work.tool("send", f"MODEL:next {words}", "--target", "one")
    work.run_until(lambda: work.prompt(1)["held_by"] == "limit")
    assert "hit your usage limit" in agent.screen()
    work.pass_limits()
    for id in (1, 2, 3):
        work.run_until(lambda id=id: work.prompt(id)["status"] in ENDED)
    outcomes = [row["outcome"] for row in work.rows("SELECT outcome FROM attempts ORDER BY id")]
    assert "released" not in outcomes
    assert outcomes[0] == "limited"
    assert len(agent.prompts()) == 4


@pytest.fixture
def going_on(work: Workplace) -> Callable[[str], Agent]:
    """Makes enrolled agents that may go on by themselves after a limit; the first meets one."""
    words = work.home / "words"
    words.write_text("MODEL:quota\nMODEL:say went on\n")

    def make(tells: str) -> Agent:
        directory = work.home / "first"
        directory.mkdir()
        agent = work.agent("first", tells=tells, cwd=directory)
        provider = work.home / ".config/assigner/providers/standin.toml"
        provider.write_text(f"continues = true\n{provider.read_text()}")
        work.tool("enroll", "first")
        work.tool("send", f"MODEL:next {words}", "--provider", "standin", "--timeout", 3000)
        work.run_until(lambda: work.rows("SELECT * FROM usage_limits"))
        assert work.prompt(1)["status"] == "in_progress"
        assert "may go on by itself" in work.tool("queue").out
        return agent

    return make


@pytest.mark.parametrize("tells", ["hooks", "transcript", "hooks transcript"])
def test_a_turn_that_goes_on_after_its_limit_is_the_attempts(
    work: Workplace, going_on: Callable[[str], Agent], tells: str
) -> None:
    agent = going_on(tells)
    work.agent("second", tells=tells)
    work.tool("enroll", "second", "--account", "other")
    work.tool("tick")
    agent.go_on()
    work.pass_limits()
    work.run_until(lambda: work.prompt(1)["status"] in ENDED)
    assert (work.prompt(1)["status"], work.prompt(1)["response"]) == ("completed", "went on")
    (tried,) = work.rows("SELECT session, outcome FROM attempts")
    assert (tried["session"], tried["outcome"]) == ("first", "completed")
    assert len(agent.prompts()) == 1  # typed once


@pytest.mark.parametrize("tells", ["hooks", "transcript"])
def test_a_turn_that_does_not_go_on_is_given_back(
    work: Workplace, going_on: Callable[[str], Agent], tells: str
) -> None:
    agent = going_on(tells)
    work.pass_limits()
    work.run_until(lambda: work.prompt(1)["status"] in ENDED)
    assert work.prompt(1)["status"] == "completed"
    tried = work.rows("SELECT outcome FROM attempts ORDER BY id")
    assert [row["outcome"] for row in tried] == ["limited", "completed"]
    assert len(agent.prompts()) == 2
    assert work.prompt(1)["attempts"] == 1


def test_a_limited_turn_ends_with_its_agent(
    work: Workplace, going_on: Callable[[str], Agent]
) -> None:
    agent = going_on("hooks")
    agent.keys("C-d")
    work.run_until(lambda: work.prompt(1)["held_by"] == "limit")
    assert work.prompt(1)["attempts"] == 0


def test_a_limited_turn_can_be_cancelled(work: Workplace, going_on: Callable[[str], Agent]) -> None:
    going_on("hooks")
    work.tool("cancel", 1)
    work.run_until(lambda: work.prompt(1)["status"] == "cancelled")


def test_a_session_that_gives_claims_back_rests(work: Workplace) -> None:
    """Whatever the reason: here a tmux option, set between scan and deliver."""
    work.environment |= {"ASSIGNER_REST_AFTER": "2", "ASSIGNER_REST": "1000"}
    work.environment["ASSIGNER_NOW"] = clock.text(NOW)
    pane = work.enrolled("one")
    for text in ("echo a", "echo b", "echo c"):
        work.tool("send", text, "--target", "one")
    for _ in range(2):
        work.tool("scan")
        work.tool("assign-next")
        pane.type("x")
        pane.wait_for("$ x")
        work.tool("deliver")
        pane.keys("C-u")
        pane.wait_for_prompt("one$ ")
    row = session(work, "one")
    assert (row["given_back"], row["resting_until"]) == (2, clock.text(NOW + 1000))
    assert "gave back 2 prompts in a row" in row["rest_reason"]
    assert {r["held_by"] for r in work.rows("SELECT held_by FROM prompts")} == {"rest"}
    for tool in ("sessions", "queue", "status"):
        assert "rests until" in work.tool(tool).out
    assert work.tool("tick").out.count("one") == 0
    work.environment["ASSIGNER_NOW"] = clock.text(NOW + 1001)
    work.tool("scan")
    assert session(work, "one")["resting_until"] is None
    work.tool("assign-next")
    pane.type("x")
    pane.wait_for("$ x")
    work.tool("deliver")
    pane.keys("C-u")
    pane.wait_for_prompt("one$ ")
    assert session(work, "one")["resting_until"] == clock.text(NOW + 1001 + 2000)  # doubled
    work.tool("resume", "one")
    assert session(work, "one")["given_back"] == 0
    del work.environment["ASSIGNER_NOW"]
    work.tick()
    assert {r["status"] for r in work.rows("SELECT status FROM prompts")} == {"completed"}
    kinds = [row["type"] for row in work.rows("SELECT type FROM task_events ORDER BY id")]
    assert kinds.count("session.resting") == kinds.count("session.rested") == 2


def test_a_prompt_that_several_sessions_give_back_waits_and_counts_against_none(
    work: Workplace,
) -> None:
    work.environment |= {"ASSIGNER_REST_AFTER": "2", "ASSIGNER_REST": "1000"}
    work.environment["ASSIGNER_NOW"] = clock.text(NOW)
    panes = [work.enrolled(name) for name in ("one", "two")]
    work.tool("send", "echo a")
    for name in ("one", "two", "one"):
        for pane in panes:
            if pane.name != name:
                work.tool("pause", pane.name)
        work.tool("scan")
        work.tool("assign-next")
        for pane in panes:
            pane.type("x")
            pane.wait_for("$ x")
        work.tool("deliver")
        for pane in panes:
            pane.keys("C-u")
            pane.wait_for_prompt(f"{pane.name}$ ")
        work.tool("resume", "one", "two")
        if work.prompt(1)["held_by"]:
            break
    prompt = work.prompt(1)
    assert (prompt["held_by"], prompt["held_on"]) == ("time", clock.text(NOW + 1000))
    assert [session(work, name)["resting_until"] for name in ("one", "two")] == [None, None]

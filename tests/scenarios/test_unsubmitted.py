"""A pasted prompt that its agent does not submit: no attempt waits for ever or runs twice."""

import json
import signal
from itertools import pairwise
from typing import Any

import pytest

from campaigns.crash.killing import DIE, between
from harness.workplace import Agent, Workplace, wait_for


@pytest.fixture(autouse=True)
def quick(work: Workplace) -> None:
    work.environment |= {"ASSIGNER_START_WAIT": "1", "ASSIGNER_SUBMIT_WAIT": "3"}


def enrolled(work: Workplace, *options: object, tells: str = "hooks") -> Agent:
    agent = work.agent("one", *options, tells=tells)
    work.tool("enroll", "one")
    return agent


def attempt(work: Workplace) -> dict[str, Any]:
    return work.row("SELECT * FROM attempts ORDER BY id DESC LIMIT 1")


def enters(agent: Agent) -> int:
    return sum(event["key"] == "Enter" for event in agent.events("key"))


@pytest.mark.parametrize("tells", ["hooks", "transcript", ""])
def test_a_text_that_is_never_submitted_is_removed_and_tried_again(
    work: Workplace, tells: str
) -> None:
    agent = enrolled(work, "--lose-enter", 1000, tells=tells)
    work.tool("send", "hello", "--provider", "standin", "--max-attempts", 2)
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0"
    work.run_until(lambda: work.prompt(1)["completed_at"] and not work.prompt(1)["retry_at"], 60)
    prompt = work.prompt(1)
    assert (prompt["status"], prompt["attempts"]) == ("failed", 2)
    classes = [row["failure_class"] for row in work.rows("SELECT failure_class FROM attempts")]
    assert classes == ["not_accepted"] * 2
    assert agent.prompts() == []
    assert "hello" not in agent.screen()


def test_a_retry_goes_through_once_the_agent_takes_enter(work: Workplace) -> None:
    agent = enrolled(work, "--lose-enter", 2)
    work.environment |= {"ASSIGNER_SUBMIT_WAIT": "1", "ASSIGNER_BACKOFF_BASE": "0"}
    work.tool("send", "hello", "--provider", "standin")
    work.run_until(lambda: work.prompt(1)["status"] == "completed", 60)
    assert agent.prompts() == ["hello"]


def test_enter_is_pressed_again_at_growing_distances(work: Workplace) -> None:
    agent = enrolled(work, "--lose-enter", 3)
    work.environment["ASSIGNER_SUBMIT_WAIT"] = "100"
    work.tool("send", "hello", "--provider", "standin")
    work.run_until(lambda: work.prompt(1)["status"] == "completed", 60)
    times = [event["time"] for event in agent.events("key") if event["key"] == "Enter"]
    first, second, third = (later - earlier for earlier, later in pairwise(times))
    assert first < second < third
    assert agent.prompts() == ["hello"]


def test_the_time_limit_of_a_prompt_counts_before_it_is_submitted(work: Workplace) -> None:
    enrolled(work, "--lose-enter", 1000)
    work.environment["ASSIGNER_SUBMIT_WAIT"] = "1000"
    work.tool("send", "hello", "--provider", "standin", "--timeout", 2, "--max-attempts", 1)
    work.run_until(lambda: work.prompt(1)["status"] == "failed")
    assert attempt(work)["failure_class"] == "not_accepted"


def test_a_text_that_cannot_be_removed_holds_its_session(work: Workplace) -> None:
    """A person reads in copy mode: a later Enter may still submit the text."""
    agent = enrolled(work, "--lose-enter", 1000)
    work.agent("two", tells="hooks")
    work.tool("enroll", "two")
    work.tool("send", "hello", "--target", "one")
    wait_for(lambda: work.tool("tick") and enters(agent))
    work.tmux("copy-mode", "-t", "one")
    work.run_until(lambda: work.prompt(1)["status"] == "failed", 30)
    assert work.prompt(1)["error"].startswith("unverified")
    assert attempt(work)["outcome"] == "unverified"
    work.tmux("send-keys", "-t", "one", "-X", "cancel")
    row = work.row("SELECT * FROM sessions WHERE name = 'one'")
    assert "may still stand in its composer" in row["rest_reason"]
    work.tool("send", "next", "--target", "one")
    work.tool("tick")
    assert work.prompt(2)["held_by"] == "rest"
    assert "may still stand in its composer" in work.tool("queue").out
    assert agent.prompts() == []


@pytest.mark.parametrize(("tells", "proven"), [("hooks", True), ("transcript", False)])
def test_a_person_empties_the_composer_before_enter(
    work: Workplace, tells: str, proven: bool
) -> None:
    """Only hooks prove that the person has not submitted the text."""
    agent = enrolled(work, tells=tells)
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0"
    work.tool("send", "first", "--provider", "standin")
    work.run_until(lambda: work.prompt(1)["status"] == "completed")
    work.tool("send", "hello", "--provider", "standin")
    work.tool("scan")
    work.tool("assign-next")
    assert between(work, "entered", DIE).wait() == -signal.SIGKILL
    agent.wait_for("▷ hello")
    agent.keys("C-u")
    work.run_until(lambda: work.prompt(2)["completed_at"] and not work.prompt(2)["retry_at"], 60)
    assert work.prompt(2)["status"] == ("completed" if proven else "failed")
    assert agent.prompts() == (["first", "hello"] if proven else ["first"])


def test_a_person_edits_and_submits_the_text(work: Workplace) -> None:
    agent = enrolled(work)
    work.tool("send", "hello", "--provider", "standin")
    work.tool("scan")
    work.tool("assign-next")
    assert between(work, "entered", DIE).wait() == -signal.SIGKILL
    agent.wait_for("hello")
    agent.type(" there")
    agent.wait_for("hello there")
    agent.enter()
    work.run_until(lambda: work.prompt(1)["completed_at"], 60)
    assert work.prompt(1)["error"].startswith("unverified")
    assert agent.prompts() == ["hello there"]
    evidence = json.loads(attempt(work)["evidence"])
    assert "foreign_prompt_at" in evidence["turn"]


def test_a_prompt_that_is_not_submitted_can_be_cancelled(work: Workplace) -> None:
    agent = enrolled(work, "--lose-enter", 1000)
    work.environment["ASSIGNER_SUBMIT_WAIT"] = "1000"
    work.tool("send", "hello", "--provider", "standin")
    wait_for(lambda: work.tool("tick") and enters(agent))
    work.tool("cancel", 1)
    work.run_until(lambda: work.prompt(1)["status"] == "cancelled")
    assert "hello" not in agent.screen()


def test_a_prompt_can_be_cancelled_in_copy_mode(work: Workplace) -> None:
    agent = enrolled(work, "--lose-enter", 1000)
    work.environment["ASSIGNER_SUBMIT_WAIT"] = "1000"
    work.tool("send", "hello", "--provider", "standin")
    wait_for(lambda: work.tool("tick") and enters(agent))
    work.tmux("copy-mode", "-t", "one")
    work.tool("cancel", 1)
    work.run_until(lambda: work.prompt(1)["status"] == "cancelled")
    row = work.row("SELECT * FROM sessions WHERE name = 'one'")
    assert "may still stand in its composer" in row["rest_reason"]

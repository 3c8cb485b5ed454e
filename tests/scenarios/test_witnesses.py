"""Screens that lie in both directions: other witnesses decide whether an agent is idle."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.workplace import Agent, Workplace, wait_for


def session(work: Workplace) -> dict[str, Any]:
    work.tool("scan")
    return work.row("SELECT * FROM sessions WHERE name = 'one'")


def enrolled(work: Workplace, *options: object, tells: str) -> Agent:
    agent = work.agent("one", *options, tells=tells)
    work.tool("enroll", "one", status=(0, 1))
    return agent


def working(agent: Agent, text: str) -> None:
    """A person has submitted a prompt, and its turn runs."""
    agent.run(text)
    wait_for(lambda: text in agent.prompts(), what=agent.screen)


def untouched(work: Workplace, agent: Agent, ticks: int = 3) -> None:
    """Nothing is typed for a waiting prompt."""
    for _ in range(ticks):
        work.tool("tick", status=(0, 1))
    assert not agent.events("paste")


def test_a_turn_that_hooks_report_is_running_although_the_screen_looks_idle(
    work: Workplace,
) -> None:
    agent = enrolled(work, "--looks-idle", tells="hooks")
    working(agent, "MODEL:think=600")
    work.environment["ASSIGNER_QUIET"] = "0"
    work.tool("send", "hello", "--target", "one")
    untouched(work, agent)
    assert "hooks have reported no end" in session(work)["status_reason"]


@pytest.mark.parametrize("tells", ["", "transcript"])
def test_text_that_still_streams_shows_work(work: Workplace, tells: str) -> None:
    agent = enrolled(work, "--looks-idle", tells=tells)
    working(agent, "MODEL:stream=600")
    work.tool("send", "hello", "--target", "one")
    wait_for(lambda: session(work)["status_reason"] == "its screen is still changing")
    untouched(work, agent)
    agent.keys("Escape")
    work.run_until(lambda: agent.prompts()[-1:] == ["hello"])


@pytest.mark.parametrize("tells", ["hooks", "transcript", "hooks transcript"])
def test_a_spinner_that_stays_in_the_title_holds_no_session(work: Workplace, tells: str) -> None:
    agent = enrolled(work, "--looks-busy", tells=tells)
    work.environment |= {"ASSIGNER_QUIET": "1", "ASSIGNER_START_WAIT": "1"}
    for _ in range(2):
        work.tool("send", "hello", "--target", "one")
    work.run_until(lambda: work.prompt(2)["status"] == "completed", 60)
    assert agent.prompts() == ["hello", "hello"]


def test_a_turn_without_a_reported_end_lapses(work: Workplace) -> None:
    agent = enrolled(work, "--lose-stop", tells="hooks")
    working(agent, "by a person")
    agent.wait_for("heard 11 characters")
    work.tool("send", "hello", "--target", "one")
    untouched(work, agent)
    work.environment["ASSIGNER_TURN_LAPSE"] = "3"
    wait_for(lambda: work.tool("tick") and "hello" in agent.prompts(), what=agent.screen)


@pytest.mark.parametrize(
    ("key", "made"), [("Escape", "[Request interrupted"), (None, "API Error: 500")]
)
def test_a_failure_on_the_screen_ends_a_turn_for_hooks(
    work: Workplace, key: str | None, made: str
) -> None:
    agent = enrolled(work, "--lose-stop", tells="hooks")
    working(agent, "MODEL:slow=600" if key else "MODEL:fail500")
    if key:
        agent.wait_for("second 1")
        agent.keys(key)
    agent.wait_for(made)
    work.tool("send", "hello", "--target", "one")
    wait_for(lambda: work.tool("tick") and "hello" in agent.prompts(), what=agent.screen)


def test_a_title_of_another_is_named(work: Workplace) -> None:
    """With a recorded end of its turn the session is idle all the same."""
    agent = enrolled(work, "--title", "my label", tells="hooks")
    row = session(work)
    assert row["status"] == "unknown"
    assert row["status_reason"] == "its title is not standin's: 'my label'"
    working(agent, "by a person")
    work.tool("send", "hello", "--target", "one")
    work.run_until(lambda: work.prompt(1)["status"] == "completed")


@pytest.fixture
def silent_only(work: Workplace) -> Callable[[], Agent]:
    """An agent that is idle by its rules only once it has been silent."""

    def make() -> Agent:
        agent = work.agent("one")
        file = work.home / ".config/assigner/providers/standin.toml"
        file.write_text(
            file.read_text().replace(
                'composer = "empty"\ntitle', 'silent = true\ncomposer = "empty"\ntitle'
            )
        )
        return agent

    return make


def test_a_rule_can_ask_for_silence(work: Workplace, silent_only: Callable[[], Agent]) -> None:
    silent_only()
    work.environment["ASSIGNER_QUIET"] = "1000"
    work.tool("scan")
    assert session(work)["status"] == "unknown"
    work.environment["ASSIGNER_QUIET"] = "1"
    wait_for(lambda: session(work)["status"] == "idle")

"""A version of an agent that is newer than its recorded screens: one prompt tries it first."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.workplace import Agent, Workplace, wait_for

ENDED = ("completed", "failed", "cancelled")


@pytest.fixture
def agents(work: Workplace) -> Callable[..., list[Agent]]:
    """Makes enrolled agents of a version; the provider file was recorded on 1.9.0."""

    def make(
        *options: object, version: str = "2.0.0", number: int = 2, tells: str = "hooks"
    ) -> Any:
        made = [work.agent(f"s{n}", *options, tells=tells, version=version) for n in range(number)]
        file = work.home / ".config/assigner/providers/standin.toml"
        if "recorded" not in file.read_text():
            file.write_text(f'recorded = ["1.9.0", "1.10.0-beta"]\n{file.read_text()}')
        work.tool("enroll", *(agent.name for agent in made))
        return made

    return make


def known(work: Workplace) -> dict[str, str]:
    rows = work.rows("SELECT version, state FROM agent_versions")
    return {row["version"]: row["state"] for row in rows}


def send(work: Workplace, *texts: str) -> None:
    for text in texts:
        work.tool("send", text, "--provider", "standin", "--max-attempts", 1)


@pytest.mark.parametrize(
    ("version", "untested"), [("2.0.0", 1), ("1.10.1", 1), ("1.9.5", 0), ("", 0)]
)
def test_a_newer_version_is_untested(
    work: Workplace, agents: Callable[..., list[Agent]], version: str, untested: int
) -> None:
    agents(version=version, number=1)
    (row,) = work.rows("SELECT agent_version, agent_untested FROM sessions")
    assert (row["agent_version"], row["agent_untested"]) == (version or None, untested)
    assert ("standin 2.0.0 is untested" in work.tool("sessions").out) == (version == "2.0.0")
    assert ("newer than the screens" in work.tool("doctor", status=(0, 1)).out) == bool(untested)
    send(work, "hello")
    work.run_until(lambda: work.prompt(1)["status"] == "completed")
    assert work.row("SELECT agent_version FROM attempts")["agent_version"] == (version or None)


def test_others_wait_until_the_first_prompt_has_ended_as_it_should(
    work: Workplace, agents: Callable[..., list[Agent]]
) -> None:
    first, second = agents()
    send(work, "MODEL:slow=600", "hello")
    work.run_until(lambda: work.prompt(1)["status"] == "in_progress")
    work.tool("tick")
    assert known(work) == {"2.0.0": "probation"}
    assert work.prompt(2)["status"] == "pending"
    assert "prompt 1 tries standin 2.0.0" in work.tool("queue").out
    assert len(work.rows("SELECT id FROM attempts")) == 1  # nothing was claimed in vain
    busy = first if first.prompts() else second
    busy.keys("Escape")  # a person says nothing about the version: the next prompt is the probation
    work.run_until(lambda: work.prompt(2)["status"] == "completed")
    assert known(work) == {"2.0.0": "trusted"}
    send(work, "MODEL:slow=2", "MODEL:slow=2")
    work.run_until(lambda: len(work.rows("SELECT 1 FROM attempts WHERE outcome IS NULL")) == 2)


def test_a_probation_holds_others_for_a_bounded_time(
    work: Workplace, agents: Callable[..., list[Agent]]
) -> None:
    work.environment["ASSIGNER_PROBATION"] = "1"
    agents()
    send(work, "MODEL:slow=600", "hello")
    work.run_until(lambda: work.prompt(2)["status"] == "completed")


def test_a_version_on_which_the_first_prompt_is_not_judged_is_held(
    work: Workplace, agents: Callable[..., list[Agent]]
) -> None:
    work.environment["ASSIGNER_START_WAIT"] = "1"
    agents(tells="", number=1)
    send(work, "hello", "next")
    work.run_until(lambda: work.prompt(1)["status"] == "failed")
    assert known(work) == {"2.0.0": "held"}
    work.tool("tick")
    prompt = work.prompt(2)
    assert (prompt["held_by"], prompt["held_on"]) == ("untested", "standin 2.0.0")
    assert "untested: standin 2.0.0" in work.tool("queue").out
    assert "is held: its first prompt ended unverified" in work.tool("sessions").out
    assert "resume --provider standin" in work.tool("doctor", status=(0, 1)).out
    work.tool("resume", "--provider", "standin")
    work.run_until(lambda: work.prompt(2)["status"] == "failed")  # typed
    assert known(work) == {"2.0.0": "trusted"}
    send(work, "and again")
    work.run_until(lambda: work.prompt(3)["status"] == "failed")
    assert known(work) == {"2.0.0": "held"}  # unverified twice in a row
    kinds = [row["type"] for row in work.rows("SELECT type FROM task_events ORDER BY id")]
    assert [kind for kind in kinds if kind.startswith("version")] == [
        "version.probation", "version.held", "version.trusted", "version.held",
    ]  # fmt: skip


def test_a_tested_version_is_held_after_two_unverified_ends(
    work: Workplace, agents: Callable[..., list[Agent]]
) -> None:
    work.environment["ASSIGNER_START_WAIT"] = "1"
    agents(tells="", number=1, version="1.9.0")
    send(work, "hello", "next", "last")
    work.run_until(lambda: work.prompt(2)["status"] == "failed")
    work.tool("tick")
    assert work.prompt(3)["held_by"] == "untested"
    assert known(work) == {"1.9.0": "held"}


@pytest.mark.parametrize("word", ["MODEL:fail401", "MODEL:fail500", "MODEL:quota"])
def test_an_end_that_says_nothing_about_the_version(
    work: Workplace, agents: Callable[..., list[Agent]], word: str
) -> None:
    agents(number=1)
    send(work, word)
    if word == "MODEL:quota":  # an untested version may go on by itself
        work.run_until(lambda: work.rows("SELECT 1 FROM usage_limits"))
        assert work.prompt(1)["status"] == "in_progress"
        work.pass_limits()
        work.tool("cancel", 1)
    work.run_until(lambda: work.rows("SELECT 1 FROM attempts WHERE outcome IS NOT NULL"))
    assert known(work) == {}


def test_untested_versions_can_be_refused(
    work: Workplace, agents: Callable[..., list[Agent]]
) -> None:
    work.environment["ASSIGNER_UNTESTED"] = "no"
    agents(number=1)
    send(work, "hello")
    work.tool("tick")
    assert work.prompt(1)["held_by"] == "untested"
    work.tool("resume", "--provider", "standin")
    work.run_until(lambda: work.prompt(1)["status"] == "completed")
    (row,) = json.loads(work.tool("sessions", "--json").out)
    assert row["agent_version"] == "2.0.0"


def test_an_agent_of_another_version_takes_what_was_held(
    work: Workplace, agents: Callable[..., list[Agent]]
) -> None:
    work.environment["ASSIGNER_UNTESTED"] = "no"
    (agent,) = agents(number=1)
    send(work, "hello")
    work.tool("tick")
    assert work.prompt(1)["held_by"] == "untested"
    agent.keys("C-d")
    wait_for(lambda: agent.command != "standin", what=agent.screen)
    agent.run(f"VERSION=1.9.0 {work.agent_line('s0', tells='hooks')}")
    work.run_until(lambda: work.prompt(1)["status"] == "completed")

"""An agent puts a long paste into a wrapper: the prompt is still known as ours, and no other is."""

from typing import Any

import pytest

from assigner.trial.words import answer
from harness.workplace import Agent, Workplace, wait_for

KNOWN = '\n\n<pasted_content id="5f5b">\n{}\n</pasted_content id="5f5b">\n'
UNKNOWN = "[[what was pasted]]\n{}\n[[end of it]]"
TEXT = "\n".join(f"line {number} of a task with several lines" for number in range(5))


@pytest.fixture(autouse=True)
def quick(work: Workplace) -> None:
    work.environment |= {"ASSIGNER_START_WAIT": "1", "ASSIGNER_SUBMIT_WAIT": "3"}


def enrolled(work: Workplace, *options: object, tells: str) -> Agent:
    agent = work.agent("one", *options, tells=tells)
    work.tool("enroll", "one")
    return agent


def attempt(work: Workplace) -> dict[str, Any]:
    return work.row("SELECT * FROM attempts ORDER BY id DESC LIMIT 1")


def entered(agent: Agent) -> bool:
    return any(event["key"] == "Enter" for event in agent.events("key"))


def end(work: Workplace) -> dict[str, Any]:
    """The prompt, once its attempt has ended."""
    work.run_until(lambda: attempt(work)["outcome"], 60)
    return work.prompt(1)


def by_person(work: Workplace, agent: Agent, keys: str, shown: str) -> None:
    """A person attaches, types, sees it, and presses Enter; the turn has ended."""
    with work.attached("one") as person:
        assert person.stdin is not None
        person.stdin.write(keys.encode())
        person.stdin.flush()
        wait_for(lambda: shown in agent.screen(), what=agent.screen)
        person.stdin.write(b"\r")
        person.stdin.flush()
        wait_for(lambda: agent.events("turn"), what=agent.screen)


@pytest.mark.parametrize("collapse", [10**9, 50])
@pytest.mark.parametrize("tells", ["hooks", "transcript"])
def test_a_prompt_in_a_known_wrapper_is_completed(
    work: Workplace, tells: str, collapse: int
) -> None:
    agent = enrolled(work, "--wrap", KNOWN, "--collapse", collapse, tells=tells)
    work.tool("send", TEXT, "--target", "one")
    assert end(work)["status"] == "completed"
    assert agent.prompts() == [KNOWN.replace("{}", TEXT)]
    assert work.prompt(1)["response"] == answer(agent.prompts()[0])


def test_a_prompt_in_an_unknown_wrapper_is_known_by_its_place(work: Workplace) -> None:
    agent = enrolled(work, "--wrap", UNKNOWN, tells="hooks transcript")
    work.tool("send", TEXT, "--target", "one")
    assert end(work)["status"] == "completed"
    assert agent.prompts() == [UNKNOWN.replace("{}", TEXT)]
    assert work.prompt(1)["response"] == answer(agent.prompts()[0])


@pytest.mark.parametrize("form", [KNOWN, UNKNOWN])
@pytest.mark.parametrize("tells", ["hooks", "transcript", "hooks transcript"])
def test_what_a_person_adds_makes_it_another_prompt(work: Workplace, tells: str, form: str) -> None:
    """Our Enter is lost; a person adds words to our text, and submits both."""
    agent = enrolled(work, "--wrap", form, "--lose-enter", 1, tells=tells)
    work.tool("send", TEXT, "--target", "one", "--max-attempts", 1)
    wait_for(lambda: work.tool("tick", "--settle", "0") and entered(agent))
    by_person(work, agent, " and more", "and more")
    assert end(work)["status"] == "failed"
    assert agent.prompts() == [form.replace("{}", TEXT) + " and more"]
    assert work.prompt(1)["response"] is None


@pytest.mark.parametrize("tells", ["hooks", "transcript", "hooks transcript"])
def test_a_persons_prompt_that_quotes_the_text_is_not_ours(work: Workplace, tells: str) -> None:
    """A person deletes our text, whose Enter is lost, and quotes it in a prompt of their own."""
    agent = enrolled(work, "--wrap", KNOWN, "--lose-enter", 1, tells=tells)
    work.tool("send", TEXT, "--target", "one", "--max-attempts", 1)
    wait_for(lambda: work.tool("tick", "--settle", "0") and entered(agent))
    quote = f"why did somebody type this?\n{TEXT}"
    by_person(work, agent, f"\x15\x1b[200~{quote}\x1b[201~", "why did somebody")
    assert end(work)["status"] == "failed"
    assert agent.prompts() == [KNOWN.replace("{}", quote)]
    assert work.prompt(1)["response"] is None

"""A text that an agent would complete, attach, or take for an order is submitted as text."""

import pytest

from harness.workplace import Agent, Workplace


def enrolled(work: Workplace, *options: object, tells: str = "hooks") -> Agent:
    agent = work.agent("one", *options, tells=tells)
    work.tool("enroll", "one")
    return agent


@pytest.mark.parametrize("tells", ["hooks", "transcript"])
@pytest.mark.parametrize(
    ("text", "submitted"),
    [
        ("Please review @README.md", "Please review @README.md "),
        ("in two lines\nsee @src/", "in two lines\nsee @src/ "),
        ("it ends in \\", "it ends in \\ "),
        ("look at\n/w/icon.png\nnow", "look at\n`/w/icon.png`\nnow"),
        ("exit", "exit."),
        ("/exit", " /exit."),
    ],
)
def test_is_submitted_as_text(work: Workplace, text: str, submitted: str, tells: str) -> None:
    agent = enrolled(work, tells=tells)
    work.tool("send", "-", "--provider", "standin", input=text)
    work.run_until(lambda: work.prompt(1)["status"] == "completed")
    assert agent.prompts() == [submitted]


def test_a_raw_text_is_the_agents_own(work: Workplace) -> None:
    agent = enrolled(work)
    work.tool("send", "exit", "--raw", "--provider", "standin")
    work.run_until(lambda: agent.command == "bash")
    assert agent.prompts() == []


def test_enter_that_breaks_the_line_is_given_up(work: Workplace) -> None:
    """The line breaks that Enter has made are removed together with the text."""
    agent = enrolled(work, "--enter-breaks")
    work.environment |= {"ASSIGNER_START_WAIT": "1", "ASSIGNER_SUBMIT_WAIT": "3"}
    work.tool("send", "hello", "--provider", "standin", "--max-attempts", 1)
    work.run_until(lambda: work.prompt(1)["status"] == "failed", 60)
    assert "not_accepted" in work.prompt(1)["error"]
    assert "Enter" in work.prompt(1)["error"]
    agent.wait_until("idle")
    assert agent.prompts() == []

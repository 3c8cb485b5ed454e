"""inspect --unknown: the screens of agents that no rule recognized."""

from pathlib import Path

import pytest

from harness.workplace import Agent, Workplace


@pytest.fixture
def agent(work: Workplace) -> Agent:
    """An agent whose idle screen no rule matches."""
    agent = work.agent("one")
    file = Path(work.home) / ".config/assigner/providers/standin.toml"
    file.write_text(file.read_text().replace("title = '^standin ready'", "title = '^never'"))
    return agent


def test_a_screen_that_no_rule_fits_is_kept_once_with_all_that_a_rule_needs(
    work: Workplace, agent: Agent
) -> None:
    assert work.tool("enroll", "one", status=1).err.endswith(
        "its title is not standin's: 'standin ready'\n"
    )
    work.tool("scan")
    (kept,) = work.tool("inspect", "--unknown", "--json").json
    assert (kept["provider"], kept["session"]) == ("standin", "one")
    assert "Ask standin anything" in kept["screen"] and "\x1b[" in kept["ansi"]
    assert kept["meta"]["pane_current_command"] == "standin"
    shown = work.tool("inspect", "--unknown", kept["id"][:6]).out
    assert "Ask standin anything" in shown and "\x1b" not in shown
    (file,) = (work.state / "unknown").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_of_a_session_that_is_not_enrolled_nothing_is_kept(work: Workplace, agent: Agent) -> None:
    work.tool("scan")
    assert work.tool("inspect", "--unknown", "--json").json == []


@pytest.mark.parametrize("arguments", [("--unknown", "zz"), ("one", "--unknown")])
def test_what_is_not_kept_is_said_in_one_line(work: Workplace, arguments: tuple[str, ...]) -> None:
    answer = work.tool("inspect", *arguments, status=2)
    assert len(answer.err.splitlines()) == 1

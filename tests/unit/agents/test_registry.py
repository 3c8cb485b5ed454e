"""As which programs agents run is known from the heads of their files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assigner.agents import registry
from assigner.errors import SetupError

HEAD = 'start = "robot"\nprograms = ["robot", "r2.js"]\ncommands = ["robot"]\n'
RULE = '[[rules]]\nname = "works"\nstatus = "busy"\nreason = "works"\n'


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A person's own provider, in a process that has not read any."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    directory = tmp_path / "assigner" / "providers"
    directory.mkdir(parents=True)
    forget()
    yield directory / "robot.toml"
    forget()


def forget() -> None:
    for known in (registry.agent, registry.programs, registry.files):
        known.cache_clear()


def test_programs_are_those_of_the_whole_files() -> None:
    agents = registry.agents()
    assert registry.programs() == {name: agent.programs for name, agent in agents.items()}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(HEAD + RULE, id="as usual"),
        pytest.param(HEAD + "[[rules]]\nname = 7\n", id="wrong in its rules"),
        pytest.param("message = '''\n[\\d]'''\n" + HEAD + RULE, id="a bracket begins a line"),
    ],
)
def test_programs_are_told_without_the_rules(own: Path, text: str) -> None:
    own.write_text(text)
    assert registry.programs()["robot"] == ("robot", "r2.js")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("commands = [", "is not valid TOML: "),
        ('start = "robot"\nprograms = 7\n' + RULE, "'programs' is not a list"),
        (HEAD.replace('"r2.js"', "2") + RULE, "'programs' is not text"),
        ('start = "robot"\n' + RULE, "'commands' is missing or empty"),
        (HEAD + RULE + '[typing]\ndisarm = "("\n', "'disarm' is not a regular expression: "),
        (HEAD + RULE + "[typing]\ndisarm = 7\n", "'disarm' is not text"),
        (HEAD + RULE + '[typing.disarm]\n"\\r" = "/"\n', "'disarm' has a key that is empty or "),
        (HEAD + RULE + '[typing]\nwrappers = "x"\n', "'wrappers' is not a list"),
        (HEAD + RULE + '[typing]\nwrappers = ["("]\n', "'wrappers' is not a regular expression"),
        ('start = "robot"\ncommands = ["("]\n' + RULE, "'commands' is not a regular expression: "),
    ],
)
def test_a_bad_file_is_said_in_one_line_and_keeps_nobody_from_the_others(
    own: Path, text: str, message: str
) -> None:
    own.write_text(text)
    assert "codex" in registry.programs()
    with pytest.raises(SetupError, match=message) as raised:
        registry.agent("robot")
    assert str(own) in str(raised.value)


def test_a_file_that_others_can_write_keeps_nobody_from_the_others(own: Path) -> None:
    own.write_text(HEAD + RULE)
    own.chmod(0o666)
    assert "codex" in registry.programs()
    assert "robot" not in registry.programs()


def test_one_agent_is_read_without_the_others(own: Path) -> None:
    own.write_text("nonsense")
    assert registry.agent("claude").rules
    with pytest.raises(SetupError, match=r"no agent is named 'c3po' .*robot"):
        registry.agent("c3po")

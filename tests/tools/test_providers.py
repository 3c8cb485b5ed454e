"""Agents are data: they are listed, the user's own files win, and a bad file gets one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from assigner.agents import registry
from harness.workplace import ROOT, Result, Workplace

SCREENS = ROOT / "tests" / "data" / "screens-agents"
GOOD = """
start = "robot --fast"
commands = ["robot"]

[composer]
prompt = '^robot> '

[[rules]]
name = "ready"
status = "idle"
reason = "at its empty composer"
composer = "empty"
"""
RULE = '[[rules]]\nname = "ready"\nstatus = "busy"\nreason = "works"\n'
HEAD = 'start = "robot"\ncommands = ["robot"]\n'
HOOKS = """[hooks]
events = {Stop = "done"}
place = {format = "plugin", variable = "V", default = ".robot", file = "hooks.js"}
"""


@pytest.fixture
def own(work: Workplace, tmp_path: Path) -> Path:
    """The directory of a person's own providers."""
    work.environment["XDG_CONFIG_HOME"] = str(tmp_path)
    directory = tmp_path / "assigner" / "providers"
    directory.mkdir(parents=True)
    return directory


def screen(name: str, *kinds: str) -> list[object]:
    files = {"screen": "txt", "ansi": "ansi", "meta": "json"}
    options: list[object] = ["--provider", name.partition("/")[0]]
    for kind in kinds or files:
        options += [f"--{kind}", (SCREENS / name).with_suffix(f".{files[kind]}")]
    return options


def inspect(work: Workplace, *options: object) -> Any:
    return work.tool("inspect", *options, "--json").json


def test_providers_are_listed(work: Workplace) -> None:
    found = {row["name"]: row for row in work.tool("providers", "--json").json}
    agents = {"aider", "claude", "codex", "gemini", "opencode", "qwen"}
    assert found.keys() == {"shell", "command", "ollama", *agents}
    assert {row["origin"] for row in found.values()} == {"built in"}
    assert all((row["rules"] > 0) == (name in agents) for name, row in found.items())
    once = {name for name, row in found.items() if row["once"]}
    assert once == {"aider", "claude", "codex", "ollama", "opencode"}
    assert "codex --no-daemon" in work.tool("providers").out
    assert not work.state.exists()


@pytest.mark.parametrize(
    ("name", "status", "rule", "said"),
    [
        ("claude/waiting-permission", "waiting", "menu", "Do you want to proceed?"),
        ("codex/quota429", "limited", "limit", "6:09 AM"),
        ("opencode/waiting-permission", "waiting", "permission", "sleep 6; touch esc1"),
        ("gemini/idle-typed", "occupied", "draft", "typed"),
        ("qwen/idle-empty", "idle", "empty composer", "empty"),
        ("aider/exited", "offline", None, "exited to bash"),
    ],
)
def test_inspect_says_status_reason_and_rule(
    work: Workplace, name: str, status: str, rule: str | None, said: str
) -> None:
    found = inspect(work, *screen(name))
    assert (found["status"], found["rule"]) == (status, rule)
    assert said in found["status_reason"]


def test_what_is_asked_and_when_a_limit_ends_have_keys_of_their_own(work: Workplace) -> None:
    assert inspect(work, *screen("claude/waiting-question"))["question"] == "Which colour?"
    assert inspect(work, *screen("codex/quota429"))["reset"] == "6:09 AM"


def test_a_hint_is_told_from_the_same_text_typed_by_its_color(work: Workplace) -> None:
    assert inspect(work, *screen("codex/idle-empty"))["status"] == "idle"
    text = (SCREENS / "codex/idle-empty.txt").read_text()
    typed = work.tool(
        "inspect", *screen("codex/idle-empty", "screen", "meta"), "--ansi", "-", "--json",
        input=text,
    ).json  # fmt: skip
    assert typed["status"] == "occupied"


def test_nothing_is_idle_while_it_is_not_known_what_is_in_front(work: Workplace) -> None:
    assert inspect(work, *screen("claude/idle-empty", "screen", "ansi"))["status"] == "unknown"
    meta = json.loads((SCREENS / "aider/idle-empty.json").read_text())
    options = [*screen("aider/idle-empty", "screen"), "--meta", "-", "--json"]
    for command, status, reason in (
        ("python3", "idle", "at its empty prompt"),
        ("vim", "unknown", "the foreground program is 'vim'"),
        (None, "unknown", "foreground program unknown: give tmux's variables"),
    ):
        meta["pane_current_command"] = command
        found = work.tool("inspect", *options, input=json.dumps(meta)).json
        assert (found["status"], found["status_reason"]) == (status, reason)


def test_a_persons_own_file_adds_an_agent_and_wins(work: Workplace, own: Path) -> None:
    (own / "robot.toml").write_text(GOOD)
    (own / "claude.toml").write_text(GOOD.replace("robot>", "claude>"))
    (own / "notes.txt").write_text("not of interest")
    found = {row["name"]: row for row in work.tool("providers", "--json").json}
    assert found["robot"]["start"] == "robot --fast"
    assert found["claude"] == found["robot"] | {
        "name": "claude", "origin": str(own / "claude.toml")
    }  # fmt: skip
    (own / "screen").write_text("hello\nrobot> \n")
    (own / "meta").write_text('{"pane_current_command": "robot", "cursor": "7,1"}')
    options = ["--provider", "robot", "--screen", own / "screen", "--meta", own / "meta"]
    assert inspect(work, *options)["rule"] == "ready"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start = ", "is not valid TOML: "),
        (HEAD, "'rules' is missing or empty"),
        (RULE, "'start' is missing or empty"),
        (HEAD + "color = 1\n" + RULE, "'color' is not a key (known: start, "),
        ('start = 7\ncommands = ["robot"]\n' + RULE, "'start' is not text"),
        (HEAD + RULE + "title = '('\n", "'rules' 1 (ready) 'title' is not a regular expression: "),
        (HEAD + RULE + "titel = 'x'\n", "'rules' 1 (ready) 'titel' is not a key (known: name, "),
        (HEAD + RULE + "cursor = 'on'\n", "'rules' 1 (ready) 'cursor' is not true or false"),
        (HEAD + RULE + "room = -1\n", "'rules' 1 (ready) 'room' is out of range: -1"),
        (HEAD + RULE + "composer = 'red'\n", "'composer' is not one of empty, draft, "),
        (HEAD + RULE + "composer = 'draft'\n", "needs a 'composer' table in this file"),
        (HEAD + RULE.replace("busy", "lazy"), "'status' is not one of idle, busy, "),
        (HEAD + RULE.replace("busy", "idle"), "must not set 'idle' without 'composer = "),
        (HEAD + RULE + RULE, "'rules' 2 repeats the name of a rule: 'ready'"),
        (HEAD + "rules = [1]\n", "'rules' 1 is not a table"),
        (HEAD + RULE + "[composer]\nreach = 2\n", "'composer' 'prompt' is missing or empty"),
        (HEAD + RULE + "mark = '!'\n", "'rules' 1 'mark' needs a 'composer' table in this file"),
        (HEAD + RULE + "message = '^>'\n", "'rules' 1 'message' needs 'message' at the top level"),
        (HEAD + RULE + "[composer]\nprompt = '>'\nhint = 1\n", "'hint' is not true or false"),
        (
            HEAD + RULE + "[composer]\nprompt = '>'\nheight = 1\nstatus_lines = 1\n",
            "'composer' 'height' is not more than 'status_lines'",
        ),
        (HEAD + RULE + "[transcript]\nformat = 'claude'\n", "'transcript' 'home' is missing or"),
        (
            HEAD + RULE + "[transcript]\nformat = 'xml'\nhome = 'X'\ndefault = '.x'\n",
            "'transcript' 'format' is not one of claude, codex, opencode: 'xml'",
        ),
        (HEAD + RULE + '[typing]\nclear = "\\r"\n', "'typing.clear' is not a control character"),
        (HEAD + RULE + "[hooks]\n", "'hooks.place' is missing or empty"),
        (HEAD + RULE + HOOKS + "turns = []\n", "'hooks' 'turns' is not a key (known: place, "),
        (HEAD + RULE + HOOKS + "turn = 'id'\n", "'hooks.turn' is not a list of strings"),
        (HEAD + RULE + HOOKS + "reset = '('\n", "'hooks.reset' is not a regular expression: "),
        (HEAD + RULE + HOOKS.replace("done", "over"), "'hooks.events' 'Stop' is not one of start"),
        (HEAD + RULE + HOOKS.replace("plugin", "ini"), "'format' is not one of settings, hooks, "),
        (HEAD + RULE + HOOKS.replace("file", "path"), "'hooks.place' 'path' is not a key"),
    ],
)
def test_a_bad_file_is_said_in_one_line_with_its_key(
    work: Workplace, own: Path, text: str, message: str
) -> None:
    path = own / "robot.toml"
    path.write_text(text)
    refused(work.tool("providers", status=78), path, message)


def refused(result: Result, path: Path, message: str, agents: int = 7) -> None:
    """One line says what is wrong with a file; that many other agents are listed."""
    assert result.err.count("\n") == 1
    assert str(path) in result.err
    assert message in result.err
    assert result.out.count("built in") == (agents and len(registry.KNOWN) + agents)


def test_a_bad_file_is_told_where_its_agent_is_wanted(work: Workplace, own: Path) -> None:
    """Nobody else is kept from anything."""
    path = own / "robot.toml"
    path.write_text("start = ")
    wanted = work.tool("send", "x", "--provider", "robot", status=78)
    refused(wanted, path, "is not valid TOML", agents=0)
    work.tool("send", "x", "--provider", "claude")
    rows = work.tool("doctor", "--json", status=1).json
    assert [row["detail"] for row in rows if row["verdict"] == "bad"] == [
        wanted.err.removeprefix("send: ").removesuffix("\n")
    ]
    assert not work.rows("SELECT id FROM prompts WHERE target_provider = 'robot'")


def test_files_that_cannot_count_are_refused(work: Workplace, own: Path) -> None:
    shell = own / "shell.toml"
    shell.write_text(GOOD)
    refused(work.tool("providers", status=78), shell, "'shell' cannot be an agent's name", agents=0)
    shell.unlink()
    path = own / "robot.toml"
    path.write_text(GOOD)
    path.chmod(0o666)
    refused(work.tool("providers", status=78), path, "other users can write")
    path.unlink()
    path.write_bytes(b"\xff")
    refused(work.tool("providers", status=78), path, "is not valid UTF-8")
    path.unlink()
    path.mkdir()
    refused(work.tool("providers", status=78), path, "is not a regular file")

"""inspect --record saves a screen as tests of provider files need it, without private words."""

import json
import os
import pwd
from pathlib import Path

import pytest

from harness.workplace import Agent, Workplace

SECRET, OTHER = "c4n4ry-of-a-prompt", "another-c4n4ry"


@pytest.fixture
def agent(work: Workplace) -> Agent:
    agent = work.agent("acme-coder")
    agent.wait_until("idle")
    work.tool("enroll", "acme-coder")
    return agent


@pytest.fixture
def out(tmp_path: Path) -> Path:
    out = tmp_path / "recordings"
    out.mkdir()
    return out


def test_a_recording_is_judged_as_the_session_is_and_names_nobody(
    work: Workplace, agent: Agent, out: Path
) -> None:
    work.tool("send", "x", "--env", "TOKEN", "--provider", "shell", env={"TOKEN": SECRET})
    user, host = pwd.getpwuid(os.geteuid()).pw_name, os.uname().nodename
    agent.type(f"{SECRET} of {user}@{host} in {work.home} of acme-coder")
    agent.wait_until("occupied")
    found = work.tool("inspect", "acme-coder", "--record", "draft", "--out", out, "--json").json
    ansi, meta = out / "draft.ansi", out / "draft.json"
    assert found["files"] == [str(ansi), str(meta)]
    assert (found["status"], found["rule"], found["judged_alike"]) == ("occupied", "draft", True)
    assert found["provider"] == "standin" and found["replaced"] > 0
    for path in (ansi, meta):
        assert path.stat().st_mode & 0o777 == 0o600
        text = path.read_text()
        for private in (SECRET, "acme", user, host, Path(work.home).parent.name):
            assert private not in text, (path, private)
    before, after = agent.screen(), ansi.read_text()
    assert "xxxxxxxxxxxxxxxxxx of " in after
    assert len(before.rstrip("\n").split("\n")) == len(after.rstrip("\n").split("\n"))
    facts = json.loads(meta.read_text())
    assert facts["pane_current_command"] == "standin"
    assert facts["cursor"] == agent.format("#{cursor_x},#{cursor_y}")
    judged = work.tool(
        "inspect", "--provider", "standin", "--ansi", ansi, "--meta", meta, "--json"
    ).json
    assert (judged["status"], judged["rule"]) == ("occupied", "draft")


def test_a_file_is_replaced_only_by_force(work: Workplace, agent: Agent, out: Path) -> None:
    options = ("--record", "idle", "--out", out)
    (out / "idle.json").write_text("mine")
    answer = work.tool("inspect", "acme-coder", *options, status=2)
    assert answer.err.count("\n") == 1 and "idle.json' exists" in answer.err
    assert [path.name for path in out.iterdir()] == ["idle.json"]
    assert (out / "idle.json").read_text() == "mine"
    work.tool("inspect", "acme-coder", *options, "--force")
    assert json.loads((out / "idle.json").read_text())["cursor_flag"] == "1"
    assert (out / "idle.json").stat().st_mode & 0o777 == 0o600


def test_the_name_of_a_session_is_enough(work: Workplace, out: Path) -> None:
    shell = work.enrolled("acme-shell")
    work.tool("send", 'echo "acme-shell: $PLAIN"', "--env", f"PLAIN={OTHER}")
    work.tick("--until-idle", 20)
    shell.wait_for(f"acme-shell: {OTHER}")
    work.tool("inspect", "--record", "acme-shell", "--out", out)
    text = (out / "acme-shell.ansi").read_text()
    assert "acme" not in text and OTHER not in text and f": {'x' * len(OTHER)}" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody", "--record", "x"), "no session 'nobody'"),
        (("acme-coder", "--record", "../x"), "'../x' is not a name of files"),
        (("acme-coder", "--record", "x", "--out", "/nowhere"), "'/nowhere' is not a directory"),
        (("acme-coder", "--record", "x", "--provider", "claude"), "give SESSION, or --provider"),
        (("acme-coder", "--out", "."), "--out and --force need --record"),
    ],
)
def test_what_cannot_be_recorded_is_said_in_one_line(
    work: Workplace, agent: Agent, arguments: tuple[str, ...], message: str
) -> None:
    answer = work.tool("inspect", *arguments, status=2)
    assert answer.err.count("\n") == 1 and message in answer.err

"""Test the campaign with real agents without an agent: its counts, its model, missing agents."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assigner.trial.model import Model
from assigner.trial.words import answer
from campaigns.agents.campaign import compared
from harness.workplace import PATH, ROOT

TOOL: dict[str, Any] = {"name": "Bash", "input_schema": {"properties": {"command": {}}}}
ASKED: dict[str, Any] = {
    "messages": {"messages": [{"role": "user", "content": "TEXT"}], "tools": [TOOL]},
    "responses": {
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "TEXT"}]}],
        "tools": [{"type": "function", "name": "shell"}],
    },
    "chat/completions": {
        "messages": [{"role": "user", "content": "TEXT"}],
        "tools": [{"function": {"name": "bash"}}],
    },
}


def ask(model: Model, path: str, text: str, **fields: object) -> str:
    body = json.dumps({"model": "m", "stream": True, **ASKED[path], **fields})
    data = body.replace('"TEXT"', json.dumps(text)).encode()
    url = f"http://127.0.0.1:{model.port}/v1/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=20) as reply:
        return str(reply.read().decode())


@pytest.mark.parametrize("path", ASKED)
def test_the_model_answers_and_writes_down_what_it_was_asked(path: str, tmp_path: Path) -> None:
    with Model(tmp_path / "log") as model:
        text = 'two lines\nand "quotes" ✓'
        assert answer(text) in ask(model, path, text)
        assert '"name": "' in ask(model, path, "MODEL:tool touch x")
        ask(model, path, "a title, please", tools=[])
        with pytest.raises(urllib.error.HTTPError, match="429"):
            ask(model, path, "MODEL:quota")
        asked = [line for line in model.requests() if "path" in line]
        answered = [line["answered"] for line in model.requests() if "answered" in line]
    assert asked[0]["text"] == text
    assert [line["auxiliary"] for line in asked] == [False, False, True, False]
    assert answered == [text]


@pytest.mark.parametrize(
    ("received", "counts"),
    [
        (["one", "two"], (0, 0, 0)),
        (["one"], (1, 0, 0)),
        (["one", "two", "two"], (0, 1, 0)),
        (["one", "twotwo"], (0, 1, 0)),
        (["one", "tw"], (0, 0, 1)),
        (["one", "two", "a thought"], (0, 0, 1)),
    ],
)
def test_what_was_lost_typed_twice_or_altered_is_counted(
    received: list[str], counts: tuple[int, int, int]
) -> None:
    trial: Any = SimpleNamespace(expected=["one", "two"], misjudged=[])
    result = compared("claude", "good", trial, received, 0)
    assert (result.lost, result.twice, result.altered) == counts


def campaign(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "tests/campaigns/agents/campaign.py",
         "--agent", "codex", "--case", "good"],
        env={"PATH": PATH, **environment}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_an_agent_that_is_not_there_is_told_and_does_not_pass(tmp_path: Path) -> None:
    done = campaign(ASSIGNER_AGENTS=str(tmp_path))
    assert done.returncode == 1
    assert "not installed: not in" in done.stdout


def test_why_it_cannot_be_installed_is_told(tmp_path: Path) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\necho 'npm error network is down' >&2\nexit 1\n")
    npm.chmod(0o755)
    done = campaign(PATH=f"{npm.parent}:{PATH}", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "not installed: npm install: status 1: npm error" in done.stdout
    wanted = json.loads((tmp_path / "assigner" / "agents" / "package.json").read_text())
    assert wanted["allowScripts"].keys() == wanted["dependencies"].keys()

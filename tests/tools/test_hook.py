"""hook: an agent's report becomes a file in the spool, and the agent is never disturbed."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from assigner.agents import registry
from assigner.agents.hooks import events
from harness.workplace import ROOT, Workplace

HOOK = ROOT / "bin" / "hook"
EVENTS = ROOT / "tests" / "data" / "hooks" / "opencode-events.jsonl"
PANE = {"TMUX": "/tmp/a,b/default,123,4", "TMUX_PANE": "%7"}


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    directory = tmp_path / "spo ol'"
    directory.mkdir()
    return directory


def run(*arguments: object, env: dict[str, str] | None = None, **how: object) -> None:
    """Run it as an agent does; it prints nothing and never fails."""
    how = how or {"stdin": DEVNULL}
    done = subprocess.run(
        [HOOK, *map(str, arguments)], env={"PATH": "/nowhere", **(env or {})}, cwd="/",
        capture_output=True, timeout=20, **how,
    )  # type: ignore[call-overload]  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_report_is_a_file_that_only_its_owner_reads(spool: Path) -> None:
    payload = b'{"session_id": "\xc3\xa4\\n"}\nsecond line'
    run(spool, "claude", "Stop", env=PANE, input=payload)
    (report,) = spool.iterdir()
    place = rf"hook\.claude\.Stop\.123\.7\.{os.getpid()}\.\d+"
    assert re.fullmatch(place, report.name)
    assert report.read_bytes() == payload
    assert report.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("by", ["sh", "bash", "dash", "zsh", "fish"])
def test_who_called_it_by_a_shell_is_told(spool: Path, by: str) -> None:
    line = [by, "-c", '"$@" || true', by, HOOK, spool, "claude", "Stop"]
    if by == "fish":
        line = [by, "-c", "$argv; or true", HOOK, spool, "claude", "Stop"]
    subprocess.run(line, input=b"{}", check=True, timeout=20)
    (report,) = spool.iterdir()
    assert report.name.split(".")[5] == str(os.getpid())


def test_outside_of_tmux_the_place_is_not_known(spool: Path) -> None:
    run(spool, "claude", "Stop", env={"TMUX": "x/../y", "TMUX_PANE": "%7/x"}, input=b"{}")
    (report,) = spool.iterdir()
    assert report.name.startswith("hook.claude.Stop.-.-.")


def test_the_last_argument_is_taken_for_the_report(spool: Path) -> None:
    text = '{"type": "agent-turn-complete", "x": "%s\\\\n -n"}'
    run(spool, "codex", "notify", "first", text, stdin=DEVNULL)
    (report,) = spool.iterdir()
    assert report.read_text() == text + "\n"


def test_of_a_report_without_end_a_mebibyte_is_kept_and_all_is_taken(spool: Path) -> None:
    with subprocess.Popen([HOOK, spool, "claude", "Stop"], stdin=PIPE, bufsize=0) as process:
        assert process.stdin
        for _ in range(3):
            process.stdin.write(b"x" * (1 << 20))  # no broken pipe
    assert process.returncode == 0
    (report,) = spool.iterdir()
    assert report.read_bytes() == b"x" * (1 << 20)


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["SPOOL"], ["SPOOL", "claude"], ["SPOOL", "claude", ""], ["SPOOL", "../claude", "Stop"],
        ["SPOOL", "claude", "a b"], ["SPOOL", "claude", "a.b"], ["", "claude", "Stop"],
        ["relative", "claude", "Stop"], ["-", "claude", "Stop"], ["/nowhere", "claude", "Stop"],
        ["/dev/null", "claude", "Stop"],
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_passed_over(spool: Path, arguments: list[str]) -> None:
    run(*[str(spool) if word == "SPOOL" else word for word in arguments], input=b"{}")
    assert list(spool.iterdir()) == []


def test_without_input_or_with_all_streams_closed_there_is_a_report(spool: Path) -> None:
    for redirected in ("<&- >&- 2>&-", "</dev/null", "<" + str(spool)):
        line = f'exec "$0" "$1" claude Stop {redirected}'
        line = line.replace(str(spool), '"$1"')
        done = subprocess.run(["/bin/sh", "-c", line, HOOK, spool], timeout=20, check=False)
        assert done.returncode == 0
        (report,) = spool.iterdir()
        assert report.read_bytes() == b""
        report.unlink()


def test_on_a_full_disk_the_name_is_still_a_report(spool: Path) -> None:
    line = 'ulimit -f 0; trap "" XFSZ; exec "$0" "$1" claude Stop'
    done = subprocess.run(
        ["/bin/sh", "-c", line, HOOK, spool], input=b"{}" * 99, timeout=20, check=False
    )
    assert done.returncode == 0
    assert [path.name.split(".")[2] for path in spool.iterdir()] == ["Stop"]


def test_help_is_its_manual(work: Workplace) -> None:
    manual = work.tool("hook", "--help").out
    assert manual.startswith("hook - ")
    assert manual.rstrip().endswith("exit status: 0 always")
    assert work.tool("assigner", "hook", "--help").out == manual
    assert "hook - " not in work.tool("assigner", "hook", "/nowhere", "claude", "Stop").out


@pytest.mark.skipif(not shutil.which("node"), reason="there is no node to run the plugin")
def test_the_plugin_of_opencode_tells_each_turn_and_how_it_ended(work: Workplace) -> None:
    work.tool("hooks", "install", "opencode")
    work.tool("scan", status=None)
    plugin = work.home / ".config/opencode/plugins/assigner.js"
    plugin.rename(plugin.with_suffix(".mjs"))
    command = ["node", ROOT / "tests/data/hooks/replay.mjs", plugin.with_suffix(".mjs"), EVENTS]
    subprocess.run(command, env={"PATH": os.environ["PATH"], **PANE}, timeout=60, check=True)
    reports = sorted((work.state / "spool").iterdir(), key=lambda path: path.name.split(".")[6])
    assert {report.name.split(".")[3] for report in reports} == {"123"}
    assert {report.stat().st_mode & 0o777 for report in reports} == {0o600}
    agent = registry.agents()["opencode"]
    heard = [events.parse(agent, r.name.split(".")[2], r.read_bytes()) for r in reports]
    told = [news.failure or news.kind for news in heard if news]
    assert told == [
        "start",
        *("prompt", "done"),
        *("prompt", "api"),
        *("prompt", "auth"),
        *("prompt", "interrupted"),
        *("prompt", "done"),
        *("prompt", "interrupted"),
        *("prompt", "ask", "answered", "done"),
        *("prompt", "ask", "answered", "interrupted"),
        *("prompt", "interrupted"),
        *("prompt", "done"),
        "end",
    ]
    turns = [news.turn for news in heard if news and news.kind in ("prompt", "done", "failed")]
    assert turns[::2] == turns[1::2]
    assert json.loads(reports[1].read_bytes())["text"] == "good turn here"

"""The harness itself, on a real tmux: a gate that cannot fail would prove nothing."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import support
from support import Workplace, spoken, wait_for


@pytest.fixture
def bin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of made-up tools in place of the real one."""
    monkeypatch.setattr(support, "ROOT", tmp_path)
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def test_shell_reaches_its_prompt_and_obeys(work: Workplace, shell: str) -> None:
    pane = work.shell("one", shell)
    assert (pane.command, pane.screen()) == (shell, "one$")
    pane.run("echo a'1'b")
    pane.wait_for("\na1b")


def test_shell_reads_rc_and_starts_in_cwd(work: Workplace, shell: str, tmp_path: Path) -> None:
    odd = tmp_path / "a #{pid} b"
    odd.mkdir()
    rc = spoken(
        shell, "MARK=set; PS1='>> '", "set MARK set; function fish_prompt; echo -n '>> '; end"
    )
    pane = work.shell("one", shell, rc=rc, prompt=">> ", cwd=odd)
    pane.run('echo "$MARK $PWD"')
    pane.wait_for(f"\nset {odd}")


def test_keys_interrupt(work: Workplace, shell: str) -> None:
    pane = work.shell("one", shell)
    pane.run("sleep 60")
    wait_for(lambda: pane.command == "sleep", what="sleep in front")
    pane.keys("C-c")
    wait_for(lambda: pane.command == shell, what="the shell in front again")
    pane.kill()
    wait_for(lambda: not work.servers(), what="the server's end with its last pane")


def ended(pid: int) -> bool:
    """Whether a process is gone, or a zombie: one without arguments."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


@pytest.mark.parametrize("fate", [signal.SIGCONT, signal.SIGSTOP, signal.SIGKILL])
def test_nothing_outlives_the_workplace(tmp_path: Path, fate: signal.Signals) -> None:
    with Workplace(tmp_path) as work:
        pane = work.pane("one", "cat")
        os.kill(int(pane.format("#{pid}")), fate)
    assert not work.servers()
    assert not work.socket.parent.exists()
    wait_for(lambda: ended(pane.pid), what="the end of what ran in the pane")


def test_tool_runs_as_cron_does(work: Workplace, bin: Path) -> None:
    (bin / "probe").write_text(
        "#!/usr/bin/env python3\n"
        "import json, os, sys\n"
        "print(json.dumps([sys.argv[1:], sys.stdin.read(), os.getcwd(), dict(os.environ)]))\n"
    )
    args, stdin, cwd, environment = work.tool("probe", "--n", 1, input="x", env={"A": "b"}).json
    assert (args, stdin, cwd) == (["--n", "1"], "x", "/")
    python_adds = {"LC_CTYPE"}
    assert environment.keys() - python_adds == work.environment.keys() | {"A"}
    assert not work.state.exists()


@pytest.mark.parametrize("body", ["exit 3", "echo Traceback >&2"])
def test_tool_refuses_wrong_endings(work: Workplace, bin: Path, body: str) -> None:
    (bin / "probe").write_text(f"#!/bin/sh\n{body}\n")
    with pytest.raises(AssertionError, match="probe"):
        work.tool("probe")


def test_tool_allows_what_was_expected(work: Workplace, bin: Path) -> None:
    (bin / "probe").write_text("#!/bin/sh\nexit 3\n")
    for status in (3, (1, 3), None):
        assert work.tool("probe", status=status).status == 3


def test_rows_are_read_only(work: Workplace) -> None:
    work.state.mkdir()
    with sqlite3.connect(work.database) as connection:
        connection.execute("CREATE TABLE prompts (id INTEGER PRIMARY KEY, content TEXT)")
        connection.execute("INSERT INTO prompts (content) VALUES ('hello')")
    connection.close()
    assert work.prompt(1) == {"id": 1, "content": "hello"}
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        work.rows("DELETE FROM prompts")


def test_rows_after_a_kill(work: Workplace) -> None:
    work.state.mkdir()
    halfway = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1])\n"
        "c.executescript('PRAGMA cache_size = 1; CREATE TABLE t (x); INSERT INTO t VALUES (1)')\n"
        "c.execute('BEGIN')\n"
        "c.executemany('INSERT INTO t VALUES (?)', [('x' * 4000,)] * 100)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", halfway, work.database])
    assert work.database.with_name("assigner.db-journal").stat().st_size
    assert work.rows("SELECT x FROM t") == [{"x": 1}]


def test_repo_has_its_branches(work: Workplace) -> None:
    top = work.repo(branches=("main", "feature/x", "fix"))

    names = ("HEAD", "feature/x", "fix")
    show = ["git", "-C", str(top), "show", *(f"{name}:branch.txt" for name in names)]
    seen = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    assert seen.split() == ["main", "feature/x", "fix"]


def test_wait_for_says_what_it_awaited() -> None:
    with pytest.raises(AssertionError, match="not within 0 s: the moon"):
        wait_for(lambda: False, seconds=0, what="the moon")
    assert wait_for(lambda: "value") == "value"

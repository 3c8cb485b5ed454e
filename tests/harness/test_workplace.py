"""Test the harness itself, on a real tmux: checks that cannot fail would prove nothing."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import workplace as support
from harness.forkserver import Forked
from harness.workplace import ROOT, Workplace, spoken, wait_for


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


@pytest.mark.parametrize("real", [True, False])
def test_tool_runs_as_cron_does(work: Workplace, bin: Path, real: bool) -> None:
    (bin / "probe").write_text(
        "#!/usr/bin/env python3\n"
        "import json, os, sys\n"
        "print(json.dumps([sys.argv[1:], sys.stdin.read(), os.getcwd(), dict(os.environ)]))\n"
    )
    args, stdin, cwd, environment = work.tool(
        "probe", "--n", 1, input="x", env={"A": "b"}, real=real
    ).json
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


# --- forks of tools (forkserver.py) --------------------------------------------------------------

# The properties of a process, and the ways in which it may end.
PROBES = {
    "itself": "import os, sys; print(__name__, __file__, sys.argv, os.getppid(), os.getpgrp())",
    "main": "import sys, __main__; x = 1; print(__main__.x, sys.path[0], sys.flags)",
    "place": "import os; print(os.getcwd(), oct(os.umask(0))); open('made', 'w')",
    "descriptors": "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:4])",
    "streams": """
import sys
streams = (sys.stdin, sys.stdout, sys.stderr)
print([(s.encoding, s.errors, s.line_buffering, s.isatty()) for s in streams], sys.stdin.read())
""",
    "signals": """
import signal
print([signal.getsignal(n) for n in range(1, 32)], signal.pthread_sigmask(signal.SIG_BLOCK, []))
""",
    "variables": "import os; print(dict(os.environ), flush=True); os.system('env | sort')",
    "time": "import time; print(time.tzname)",
    "unflushed": "import atexit, sys; atexit.register(print, 'b'); sys.stdout.write('a')",
    "thread": """
import threading, time
threading.Thread(target=lambda: (time.sleep(0.1), print('b'))).start()
print('a')
""",
    "status": "raise SystemExit(259)",
    "none": "raise SystemExit(None)",
    "words": "raise SystemExit('in words')",
    "fault": "1 / 0",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "ended": "import os; os.kill(os.getpid(), 15)",
    "interrupted": "import os; os.kill(os.getpid(), 2)",
    "child": "import subprocess; print(subprocess.run(['sh', '-c', 'exit 3']).returncode)",
    "fork": "import os; print(os.waitpid(os.fork() or os._exit(4), 0)[1])",
}


@pytest.mark.parametrize("case", PROBES)
def test_fork_is_as_a_start(work: Workplace, bin: Path, case: str) -> None:
    (bin / "probe").write_text(f"#!/usr/bin/env python3\n{PROBES[case]}\n")
    seen = []
    before = os.umask(0o027)
    try:
        for real in (True, False):
            place = work.path / "place"
            place.mkdir()
            process = work.start(
                "probe", "a", "\udcff", "x" * 100_000, real=real, cwd=place,
                env={"TZ": "Asia/Tokyo", "ODD": "\udcfe"},
            )  # fmt: skip
            assert isinstance(process, Forked) is not real
            out, err = process.communicate("in", timeout=20)
            made = {path.name: path.stat().st_mode for path in place.iterdir()}
            seen.append((process.returncode, out, err.splitlines()[-1:], made))
            shutil.rmtree(place)
    finally:
        os.umask(before)
    assert seen[0] == seen[1]


def test_fork_has_nothing_of_the_one_before(work: Workplace, bin: Path) -> None:
    (bin / "probe").write_text(
        "#!/usr/bin/env python3\n"
        "import os, sys\n"
        "from assigner import clock\n"
        "print(getattr(clock, 'mark', None), os.environ.get('MARK'), clock.text(clock.now())[:4])\n"
        "clock.mark = os.environ['MARK'] = 'left'\n"
    )
    pinned = {"ASSIGNER_NOW": "2031-01-01T00:00:00Z"}
    assert work.tool("probe", env=pinned).out == "None None 2031\n"
    assert not work.tool("probe").out.endswith("2031\n")


def test_forks_of_many_threads_are_not_mixed_up(work: Workplace, bin: Path) -> None:
    tool = bin / "tool"
    tool.write_text("#!/usr/bin/env python3\nimport os, sys\nprint(os.getpid(), sys.argv[1])")
    tool.chmod(0o755)

    def run(number: int) -> tuple[int, str]:
        process = work.start("tool", number)
        out, _ = process.communicate(timeout=20)
        return process.pid, out

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(run, range(200)))
    assert [out for _, out in found] == [f"{pid} {i}\n" for i, (pid, _) in enumerate(found)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_fork_can_be_ended(work: Workplace, bin: Path, number: signal.Signals) -> None:
    (bin / "probe").write_text(
        "#!/usr/bin/env python3\nimport time\nprint('up', flush=True)\ntime.sleep(60)\n"
    )
    process = work.start("probe")
    assert process.stdout and process.stdout.readline() == "up\n"
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(20) == -number


def test_what_cannot_be_forked_is_started(work: Workplace, bin: Path) -> None:
    """Variables that an interpreter reads when it starts, and arguments that no program can get."""
    (bin / "probe").write_text("#!/usr/bin/env python3\nimport sys\nprint(sys.flags.optimize)\n")
    assert work.tool("probe", env={"PYTHONOPTIMIZE": "1"}).out == "1\n"
    with pytest.raises(ValueError, match="null byte"):
        work.tool("probe", "a\0b")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        work.tool("probe", cwd="/nowhere")
    assert work.tool("probe").out == "0\n"


def test_end_of_the_fork_server_is_told(tmp_path: Path, bin: Path) -> None:
    """In a process of its own, which has a server of its own; no server outlives its process."""
    code = (
        "import os, pathlib, sys\n"
        "from harness import forkserver, workplace as support\n"
        "support.ROOT = pathlib.Path(sys.argv[1])\n"
        "with support.Workplace(support.ROOT / 'w') as work:\n"
        "    work.tool('probe')\n"
        "    server = forkserver._server()._process.pid\n"
        "    print(server, flush=True)\n"
        "    if sys.argv[2] == 'kill':\n"
        "        os.kill(server, 9)\n"
        "        work.tool('probe')\n"
    )
    (bin / "probe").write_text("#!/usr/bin/env python3\n")
    for how, status in (("leave", 0), ("kill", 1)):
        done = subprocess.run(
            [sys.executable, "-c", code, bin.parent, how], capture_output=True, text=True,
            env={"PYTHONPATH": str(ROOT / "tests"), "PATH": os.environ["PATH"]}, timeout=60,
        )  # fmt: skip
        assert done.returncode == status, done
        assert ("the fork server ended (-9)" in done.stderr) is (how == "kill")
        wait_for(lambda pid=int(done.stdout): ended(pid), what="the server's end")
        shutil.rmtree(tmp_path / "w", ignore_errors=True)


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

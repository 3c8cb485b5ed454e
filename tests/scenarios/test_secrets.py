"""Many secrets, each given in another way, are used and then searched for everywhere."""

import json
import os
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from campaigns.crash.tracing import can_trace
from harness.workplace import Result, Workplace, wait_for

pytestmark = pytest.mark.real

CANARY = "c4n4ry"
ODD = "-$(touch marker)'\"#{pane_id}%H"
# Each is told where it came from
FROM_ENV, FROM_FILE, OF_SESSION, OF_AGENT = (
    f"{CANARY}-{way}{ODD}" for way in ("env", "file", "session", "agent")
)
WAYS = (FROM_ENV, FROM_FILE, OF_SESSION, OF_AGENT)


class Watch:
    """Every command line of the machine, as often as can be, and every exec below the server."""

    def __init__(self, work: Workplace) -> None:
        self.seen: set[bytes] = set()
        self.looks = 0
        self.trace = work.path / "execs"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        under = ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "99999", "-o", str(self.trace)]
        self.traced = can_trace()
        server = ["tmux", "-u", "-S", str(work.socket), "-f", "/dev/null", "new-session", "-d",
                  "-s", "holder", "sleep", "1000"]  # fmt: skip
        self._server = subprocess.Popen(
            [*(under if self.traced else []), *(["-e", "trace=execve"] if self.traced else []),
             *server],
            env={**work.environment, "TERM": "xterm-256color", "SHELL": "/bin/bash"},
            stdin=subprocess.DEVNULL, cwd=work.home,
        )  # fmt: skip

    def _look(self) -> None:
        while not self._over.is_set():
            for pid in os.listdir("/proc"):
                if pid.isdigit():
                    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
                        line = file.read()
                        if CANARY.encode() in line:
                            self.seen.add(line)
            self.looks += 1
            time.sleep(0.03 if self.traced else 0.004)  # of the machine a part, no more

    def end(self, work: Workplace) -> bytes:
        """All that was seen."""
        self._over.set()
        self._thread.join()
        work.stop_server()
        self._server.wait(20)
        traced = self.trace.read_bytes() if self.traced else b""
        assert not self.traced or b"execve(" in traced
        assert self.looks > 100
        return b"\n".join(self.seen) + traced

    def begin(self) -> None:
        self._thread.start()


@contextmanager
def watched(work: Workplace) -> Iterator[Watch]:
    watch = Watch(work)
    wait_for(work.servers)
    wait_for(work.socket.exists)
    watch.begin()
    try:
        yield watch
    finally:
        watch._over.set()


class Teller(Workplace):
    """A workplace that keeps all that its tools say."""

    said: list[tuple[str, str]]

    def tool(self, name: str, *args: object, **how: Any) -> Result:
        result = super().tool(name, *args, **how)
        self.said.append((result.command, result.out + result.err))
        return result


def leaks(root: Path, *, leave_out: set[Path]) -> list[str]:
    """Files with a canary in them that are not where a secret may be, or that others can read."""
    found = []
    for path in root.rglob("*"):
        if not path.is_file() or path in leave_out or CANARY.encode() not in path.read_bytes():
            continue
        closed = path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o77 == 0
        if path.parent.name != "secrets" or not closed:
            found.append(str(path))
    return found


def told_by_tmux(work: Workplace) -> str:
    """All that tmux keeps: screens with their history, titles, options, variables, buffers."""
    told = [work.tmux("list-panes", "-a", "-F", "#{pane_title} #{pane_current_command}")]
    for pane in work.tmux("list-panes", "-a", "-F", "#{pane_id}").splitlines():
        told.append(work.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", pane))
        told.append(work.tmux("show-options", "-p", "-t", pane))
    for name in work.tmux("list-sessions", "-F", "#{session_name}").splitlines():
        told += [
            work.tmux(show, "-t", f"={name}:") for show in ("show-environment", "show-options")
        ]
    told += [work.tmux("show-options", "-g"), work.tmux("show-options", "-s")]
    told += [
        work.tmux("show-environment", "-g"),
        work.tmux("list-buffers"),
    ]
    return "\n".join(told)


LOOKS: list[list[object]] = [
    ["queue"], ["prompts"], ["sessions", "--all"], ["status"], ["show", 1], ["show", 2],
    ["show", 3], ["inspect", "one"], ["inspect", "coder"], ["doctor", "--quick"],
    ["cleanup-stale"], ["scan", "--dry-run"], ["review"], ["enroll", "--list"],
]  # fmt: skip


def test_no_secret_is_found_where_it_does_not_belong(tmp_path: Path) -> None:
    with Teller(tmp_path) as work:
        work.said = []
        _live(work)


def _live(work: Workplace) -> None:
    top, proof = work.repo(), work.path / "proof"
    proof.mkdir()
    work.environment |= {"ASSIGNER_BACKOFF_BASE": "0.1", "ASSIGNER_BACKOFF_LIMIT": "0.1"}
    given = work.path / "given.env"
    given.write_text(f"FILED={FROM_FILE}\n")
    profile = work.home / ".bash_profile"
    profile.write_text(f"export OF_AGENT={shlex.quote(OF_AGENT)}\n")
    rc = f"export OF_SESSION={shlex.quote(OF_SESSION)}\nset -xv"
    with watched(work) as watch:
        pane = work.shell("one", rc=rc)
        # what a process was started with is what is kept of its session
        pane.run("exec bash --norc --noprofile -i +x +v")
        pane.run("PS1='one$ '; clear; tput reset")
        wait_for(lambda: "OF_SESSION" not in pane.screen(200), what=lambda: pane.screen(200))
        work.tmux("clear-history", "-t", pane.id)
        pane.run("set -xv")
        pane.wait_for_prompt()
        work.tool("enroll", "one", "--keepalive", "--at-prompt")
        work.shell("once")
        work.tool("enroll", "once", "--command", "sh -c 'cat >/dev/null; echo ${#KEY} ${#FILED}'")
        standin = f"{work._standin()} --log {proof}/coder"
        options = ["--provider", "standin", "--command", standin, "--workdir", work.home]
        work.tool(
            "enroll", "--create", "coder", *options, "--keepalive", "--respawn", "--settle", 40
        )
        # in a sh of its own: the person's shell traces what the prompt itself says
        arrived = f'sh -c \'printf "%s\\\\n" "$KEY" "$FILED" >{proof}/$ASSIGNER_ATTEMPT\''
        in_tree: dict[str, object] = {"working_dir": str(top), "git_branch": "feature"}
        jobs: list[dict[str, object]] = [
            {"content": arrived, "target_session": "one", "check_command": f"{arrived}; exit 3",
             "max_attempts": 2},
            {"content": "x", "target_session": "once", "affinity": "a"},
            {"content": "hello", "target_session": "coder", "working_dir": str(top)},
            {"content": arrived, "target_session": "one", **in_tree, "worktree": True},
            {"content": "true", "target_session": "one", **in_tree, "git_branch": "no-such"},
            {"content": "true", "target_session": "one", "prerequisites": ['test "$KEY" = x']},
            {"content": "if (", "target_session": "one", "review": True},
            {"content": "true", "target_session": "one", "parent_id": 1, "max_attempts": 1},
        ]  # fmt: skip
        secret = ["--env", "KEY", "--env-file", given]
        known = {"env": {"KEY": FROM_ENV}}
        lines = "\n".join(map(json.dumps, jobs[:-1]))
        for dry in (["--dry-run"], ["--dry-run", "--json"], ["--verbose"]):
            work.tool("send", "--jsonl", "-", *secret, *dry, input=lines, **known)
        work.tool("send", "--jsonl", "-", input=json.dumps(jobs[-1]))
        for bad in (["--after", 999], ["--env-file", "/nowhere"], ["--git-branch", "x"]):
            work.tool("send", "x", *secret, *bad, status=2, **known)
        spoilt = work.path / "spoilt.env"
        spoilt.write_text(f"FILED={FROM_FILE}\n{FROM_FILE}\n")
        work.tool("send", "x", "--env-file", spoilt, status=2)
        nowhere = {"ASSIGNER_DB": "/dev/full"}
        work.tool("send", "x", "--env-file", given, env=nowhere, status=(1, 78))
        work.tool("tick", "--log", "--verbose")
        work.tool("tick", "--until-idle", 60, "--verbose", status=(0, 1))
        work.tmux("kill-session", "-t", "one")
        work.tmux("respawn-pane", "-k", "-t", "=coder:", "true")
        work.tool("tick", "--settle", 30, "--verbose", status=(0, 1))
        work.tool("retry", 5)
        work.tool("tick", "--until-idle", 30, status=(0, 1))
        for command in LOOKS:
            for form in (["--verbose"], ["--json"]):
                work.tool(str(command[0]), *command[1:], *form, status=(0, 1, 2))
        work.tool("completion", "bash")
        work.tool("doctor", "--backup", work.path / "backup.db")
        work.tool("doctor", "--recover", work.path / "recovered.db")
        shown = told_by_tmux(work)
        argv = watch.end(work)

    rows = work.rows("SELECT id, status, error FROM prompts ORDER BY id")
    assert [row["status"] for row in rows][:4] == [
        "failed",
        "completed",
        "completed",
        "completed",
    ], rows
    assert work.prompt(2)["response"] == f"{len(FROM_ENV)} {len(FROM_FILE)}"
    arrivals = [path for path in proof.iterdir() if path.name.isdigit()]
    assert len(arrivals) >= 3  # it was there to be found
    assert {path.read_text() for path in arrivals} == {f"{FROM_ENV}\n{FROM_FILE}\n"}
    for way in (FROM_ENV, OF_SESSION, OF_AGENT):
        kept = (path.read_text() for path in (work.state / "secrets").iterdir())
        assert any(way in json.loads(text).values() for text in kept), way
    assert CANARY.encode() not in argv
    assert [command for command, text in work.said if CANARY in text] == []  # type: ignore[attr-defined]
    assert CANARY not in shown
    own = {given, spoilt, profile, *arrivals, proof / "coder", *work.path.glob("rc-*/.zshrc")}
    assert leaks(work.path, leave_out=own) == []
    assert not list((work.state / "run").iterdir()) and not list((work.state / "starts").iterdir())
    assert not list(work.path.rglob("marker"))

    soon = {"ASSIGNER_KEEP_PROMPTS_DAYS": "0.000001"}
    for path in (work.state / "secrets").iterdir():
        os.utime(path, (0, 0))
    work.tool("cleanup-stale", "--apply", env=soon)
    work.tool("cleanup-stale", "--apply", env=soon)
    kept = "\n".join(path.read_text() for path in (work.state / "secrets").iterdir())
    assert (f"{CANARY}-env" in kept, f"{CANARY}-file" in kept) == (False, False)

"""Passes to be killed: each in a process group of its own, together with its tmux client."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.workplace import ROOT, TMUX, Workplace

DIE = "kill -9 0"  # the pass and this
CARRY_OUT = f'{TMUX} "$@" < "$given"'
CLIENT = """\
#!/bin/sh
case "$*" in *source-file*) ;; *) exec {tmux} "$@" ;; esac
given={place}/given.$$
cat > "$given"
grep -q 'set-option[^;]*@assigner_{stamp}_' "$given" || exec {tmux} "$@" < "$given"
{act}
"""


def is_stopped(pid: int) -> bool:
    """Whether a process has been stopped by a signal."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class Pass:
    """One run of a tool that need not come to its end."""

    def __init__(
        self,
        work: Workplace,
        name: str | Path,
        *args: object,
        env: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> None:
        """`name` is a tool of bin/, or a script's path; `under` what runs it: strace."""
        self.name = name
        self._out = tempfile.TemporaryFile("w+")  # noqa: SIM115 - a pipe could fill up
        self.process = subprocess.Popen(
            [*under, sys.executable, ROOT / "bin" / name, *map(str, args)],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._out,
            # what is cached is renamed: no call of ours
            env={**work.environment, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
            cwd="/",
            process_group=0,
        )
        self.group = self.process.pid

    def kill(self) -> bool:
        """The pass alone: its tmux client goes on.  Whether it was still at work."""
        if alive := self.process.poll() is None:
            self.process.kill()
        return alive

    def kill_group(self) -> bool:
        """The pass and the tmux client that it waits for, at once.  Whether it was at work."""
        if alive := self.process.poll() is None:
            os.killpg(self.group, signal.SIGKILL)
        return alive

    def kill_client(self) -> bool:
        """The next tmux client alone.  Whether there was one."""
        until = time.monotonic() + 0.3
        while not (clients := self.clients()) and self.process.poll() is None:
            if time.monotonic() > until:
                break
        for pid in clients:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(clients)

    def clients(self) -> list[int]:
        """The tmux clients of this pass."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                group = (process / "stat").read_text().rpartition(")")[2].split()[2]
                if int(group) == self.group and (process / "exe").readlink().name == "tmux":
                    found.append(int(process.name))
        return found

    def is_stopped(self) -> bool:
        """Whether it has stopped itself."""
        return is_stopped(self.group)

    def wait(self, seconds: float = 300) -> int:
        """Its status, negative for a signal."""
        return self.process.wait(seconds)

    @property
    def said(self) -> str:
        """What it has printed, stdout and stderr."""
        self._out.seek(0)
        return self._out.read()


def between(work: Workplace, stamp: str, act: str, *args: object, **settings: Any) -> Pass:
    """A deliver whose tmux client does `act` when it comes to the keys with that stamp."""
    place = work.path / "client"
    place.mkdir(exist_ok=True)
    client = place / "tmux"
    client.write_text(CLIENT.format(place=shlex.quote(str(place)), tmux=TMUX, stamp=stamp, act=act))
    client.chmod(0o755)
    env = {"PATH": f"{place}:{work.environment['PATH']}", **settings.get("env", {})}
    return Pass(work, "deliver", *(args or ("--settle", 20)), env=env)

"""Passes that are to be killed: each in a process group of its own, its tmux client in it."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from support import ROOT, Workplace


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
            env={**work.environment, **(env or {})},
            cwd="/",
            process_group=0,
        )
        self.group = self.process.pid

    def kill(self) -> None:
        """The pass alone: its tmux client goes on."""
        self.process.kill()

    def kill_group(self) -> None:
        """The pass and the tmux client that it waits for, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)

    def kill_client(self) -> None:
        """The tmux client alone; where there is none, nothing."""
        for pid in self.clients():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def clients(self) -> list[int]:
        """The tmux clients of this pass."""
        found = []
        for file in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                head, _, tail = file.read_text().rpartition(")")
                if int(tail.split()[2]) == self.group and head.partition("(")[2].startswith("tmux"):
                    found.append(int(file.parent.name))
        return found

    def running(self) -> bool:
        return self.process.poll() is None

    def wait(self, seconds: float = 60) -> int:
        """Its status, negative for a signal."""
        return self.process.wait(seconds)

    @property
    def said(self) -> str:
        """What it has printed, stdout and stderr."""
        self._out.seek(0)
        return self._out.read()

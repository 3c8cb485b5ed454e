"""Shells in a tmux server, as many as wanted, and what the tools do there is compared with."""

import json
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from harness.workplace import PATH, Workplace, wait_for

_SHIM = """\
#!/bin/sh
call=$(mktemp -d {calls}/XXXXXX) || exit
printf '%s\\n' "$@" >"$call/arguments"
cat >"$call/input"
PATH={path} exec tmux "$@" <"$call/input"
"""
_LOAD = """\
import sys
for name in sys.argv[1:]:
    try:
        __import__(name)
    except ImportError:
        pass
"""


class Client(NamedTuple):
    """One tmux client that a tool started."""

    arguments: tuple[str, ...]
    given: bytes


class Shells:
    """A workplace with shells at their prompts, all of them enrolled."""

    def __init__(self, work: Workplace) -> None:
        self.work = work
        self.number = 0
        work.environment["ASSIGNER_SESSIONS"] = "*"

    def grow(self, number: int) -> None:
        """Have `number` of them, all idle."""
        file = self.work.path / "new-sessions"
        new = "new-session -d -s s{} -x 100 -y 20 -- bash --norc --noprofile\n"
        file.write_text("".join(new.format(n) for n in range(self.number, number)))
        self.work.tmux("start-server", ";", "source-file", str(file))
        self.number = number
        self.settle()

    def settle(self) -> None:
        """Make passes until every shell is idle and every prompt is completed."""
        idle = "SELECT count(*) AS n FROM sessions WHERE status = 'idle'"
        left = "SELECT count(*) AS n FROM prompts WHERE status <> 'completed'"

        def settled() -> bool:
            self.work.tool("observe")
            self.work.tool("scan")
            return self.work.row(idle)["n"] == self.number and not self.work.row(left)["n"]

        wait_for(settled, 60, f"{self.number} idle shells")

    def claim(self, number: int) -> None:
        """Have so many prompts claimed, each for a shell of its own."""
        self.settle()
        line = json.dumps({"content": "true"}) + "\n"
        self.work.tool("send", "--jsonl", "-", input=line * number)
        self.work.tool("assign-next")

    def change(self, assignments: str) -> None:
        """Have the database say of every session what is not so."""
        with closing(sqlite3.connect(self.work.database)) as connection, connection:
            connection.execute(f"UPDATE sessions SET {assignments}")

    def clients(self, *command: str) -> list[Client]:
        """The tmux clients that a tool starts, in their order."""
        with tempfile.TemporaryDirectory(dir=self.work.path) as shim:
            calls = Path(shim, "calls")
            calls.mkdir()
            Path(shim, "tmux").write_text(_SHIM.format(calls=calls, path=PATH))
            Path(shim, "tmux").chmod(0o700)
            self.work.tool(*command, env={"PATH": f"{shim}:{PATH}"})
            found = sorted(calls.iterdir(), key=lambda call: call.stat().st_mtime_ns)
            return [
                Client(
                    tuple((call / "arguments").read_text().splitlines()),
                    (call / "input").read_bytes(),
                )
                for call in found
            ]

    def start(self, client: Client) -> None:
        """Start such a client, without anything around it."""
        command = ["tmux", *client.arguments]
        subprocess.run(command, input=client.given, stdout=subprocess.PIPE, check=True)

    def modules(self, *command: str) -> list[str]:
        """The modules that a tool asks for, each after those that it asks for itself."""
        told = self.work.tool(*command, env={"PYTHONPROFILEIMPORTTIME": "1"}).err
        lines = [line for line in told.splitlines() if line.startswith("import time:")]
        return [line.rpartition("|")[2].strip() for line in lines[1:]]

    def load(self, modules: list[str]) -> None:
        """Run a process that asks for these modules, whether there or not, and leaves."""
        command = [sys.executable, "-c", _LOAD, *modules]
        subprocess.run(command, env=self.work.environment, check=True)

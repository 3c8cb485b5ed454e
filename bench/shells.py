"""Any number of shells in a tmux server, and the calls with which tools are compared."""

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
    """A workplace with enrolled shells that show their prompts."""

    def __init__(self, work: Workplace) -> None:
        self.work = work
        self.number = 0
        work.environment["ASSIGNER_SESSIONS"] = "*"

    def grow(self, number: int) -> None:
        """Start shells until there are `number`, all idle."""
        file = self.work.path / "new-sessions"
        new = "new-session -d -s s{} -x 100 -y 20 -- bash --norc --noprofile\n"
        file.write_text("".join(new.format(n) for n in range(self.number, number)))
        self.work.tmux("start-server", ";", "source-file", str(file))
        self.number = number
        self.settle()

    def settle(self) -> None:
        """Run passes until every shell is idle and every prompt is completed."""
        idle = "SELECT count(*) AS n FROM sessions WHERE status = 'idle'"
        left = "SELECT count(*) AS n FROM prompts WHERE status <> 'completed'"

        def settled() -> bool:
            self.work.tool("observe")
            self.work.tool("scan")
            return self.work.row(idle)["n"] == self.number and not self.work.row(left)["n"]

        wait_for(settled, 60, f"{self.number} idle shells")

    def claim(self, number: int) -> None:
        """Queue and claim `number` prompts, each for a shell of its own."""
        self.settle()
        line = json.dumps({"content": "true"}) + "\n"
        self.work.tool("send", "--jsonl", "-", input=line * number)
        self.work.tool("assign-next")

    def change(self, assignments: str) -> None:
        """Make the database's record of every session outdated."""
        with closing(sqlite3.connect(self.work.database)) as connection, connection:
            connection.execute(f"UPDATE sessions SET {assignments}")

    def clients(self, *command: str) -> list[Client]:
        """The tmux clients that a tool starts, in order."""
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
        """Start such a client alone."""
        command = ["tmux", *client.arguments]
        subprocess.run(command, input=client.given, stdout=subprocess.PIPE, check=True)

    def modules(self, *command: str) -> list[str]:
        """The modules that a tool imports, each after those that it imports itself."""
        log = self.work.tool(*command, env={"PYTHONPROFILEIMPORTTIME": "1"}).err
        lines = [line for line in log.splitlines() if line.startswith("import time:")]
        return [line.rpartition("|")[2].strip() for line in lines[1:]]

    def load(self, modules: list[str]) -> None:
        """Run a process that imports these modules, as far as they exist, and exits."""
        command = [sys.executable, "-c", _LOAD, *modules]
        subprocess.run(command, env=self.work.environment, check=True)

"""A home, a queue and a tmux server for the demo alone, removed at the end."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = f"{Path(sys.executable).parent}:{ROOT / 'bin'}"
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stage:
    """A temporary directory and every process started in it; `close` ends and removes both."""

    def __init__(self) -> None:
        for number in INTERRUPTIONS:
            signal.signal(number, signal.default_int_handler)
        self.place = Path(tempfile.mkdtemp(prefix="assigner-demo-"))
        self.home = self.place / "home"
        self.socket = self.place / "tmux"
        # None of the caller's settings: they would select a real queue and real sessions
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{TOOLS}:{os.environ.get('PATH', os.defpath)}",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLUMNS": "100",
            "NO_COLOR": os.environ.get("NO_COLOR", "") if sys.stdout.isatty() else "1",
            "SOCKET": str(self.socket),
            "ASSIGNER_HOME": str(self.place / "state"),
            "ASSIGNER_TMUX_SOCKETS": str(self.socket),
            "ASSIGNER_BACKOFF_BASE": "0.5",
        }
        settings = self.home / ".config/assigner/.env"
        settings.parent.mkdir(parents=True)
        settings.touch()  # assigner reads this file instead of the one in the checkout

    def run(self, *command: str | Path) -> str:
        """The output of a program; raises CalledProcessError if it fails."""
        return subprocess.run(
            command, cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, check=True, timeout=20,
        ).stdout  # fmt: skip

    def type(self, line: str) -> str:
        """Print a command line and, as it arrives, its output on a terminal; returns the output."""
        print(f"$ {line}", flush=True)
        ours, theirs = os.openpty()
        command = subprocess.Popen(
            ["bash", "-c", line], cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        said = ""
        with open(ours) as terminal, suppress(OSError):  # EIO is how it ends
            for shown in terminal:
                print(shown, end="", flush=True)
                said += shown
        command.wait()
        print()
        return said

    def close(self) -> None:
        """End every process and remove the directory; signals cannot interrupt this."""
        for number in INTERRUPTIONS:
            signal.signal(number, signal.SIG_IGN)
        with suppress(OSError, subprocess.SubprocessError):
            self.run("tmux", "-S", self.socket, "kill-server")
        patience = time.monotonic() + 2
        while left := self._processes():
            if time.monotonic() > patience:
                for pid in left:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        shutil.rmtree(self.place)

    def _processes(self) -> list[int]:
        """The processes whose HOME is the demo's, among them the tmux server."""
        found = []
        for file in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if f"HOME={self.home}".encode() in file.read_bytes().split(b"\0"):
                    found.append(int(file.parent.name))
        return found

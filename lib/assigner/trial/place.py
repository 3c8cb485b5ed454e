"""The place of a trial: a new HOME, a tmux server and a queue of its own, a model on loopback.

Nothing of the user's is used or changed, and no process is left running.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from assigner.agents import registry
from assigner.agents.hooks import folder_trust
from assigner.agents.provider import Provider
from assigner.errors import AssignerError, SetupError
from assigner.outcomes import pasted_text
from assigner.system import processes, programs, resources
from assigner.trial.model import Model
from assigner.trial.setup import Setup

SESSION = "agent"
_TOP = "/var/tmp"  # noqa: S108 - Codex refuses a HOME below /tmp, and the name is unpredictable
_SETTINGS = {
    "ASSIGNER_LIMIT_WAIT": "5",
    "ASSIGNER_BACKOFF_BASE": "600",
    "ASSIGNER_SUBMIT_WAIT": "20",
}


class Place:
    """One agent in one place; a context manager.  `hooks`: the agent reports its turns by hooks.

    SetupError if the agent or tmux is not installed.
    """

    def __init__(self, provider: Provider, setup: Setup, *, hooks: bool = True) -> None:
        self.provider, self.setup = provider, setup
        self.hooks = hooks and provider.hooks is not None
        path = os.environ.get("PATH") or os.defpath
        program = shlex.split(provider.start)[0]
        for name in (program, "tmux"):
            if shutil.which(name, path=path) is None:
                raise SetupError(f"cannot find '{name}' in the PATH: install it")
        self.program = program
        self.top = Path(tempfile.mkdtemp(prefix="assigner-trial-", dir=_TOP))
        self.home, self.directory = self.top / "home", self.top / "project"
        self.socket = self.top / "tmux"
        self.model = Model(self.top / "model.jsonl")
        self.shell = shutil.which("bash", path=path) or "/bin/sh"
        self.bare = {
            "HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8", "SHELL": self.shell,
            "TERM": "xterm-256color",
        }  # fmt: skip
        self.pane = ""

    def __enter__(self) -> Self:
        self.model.__enter__()
        try:
            own = self.home / ".config" / "assigner"
            (own / "providers").mkdir(parents=True)
            self.directory.mkdir()
            (own / ".env").write_text("")  # so that no other one is read
            self.describe(registry.text(registry.files()[self.provider.name]))
            self.setup.write(self.home, self.model.port)
            if self.hooks:
                trust = ("--trust",) if self.provider.name == "codex" else ()
                self.tool("hooks", "install", self.provider.name, *trust)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(AssignerError, programs.NotInstalled):
            programs.run_bare(["tmux", "-S", str(self.socket), "kill-server"], self.bare)
        self._end_processes()
        self.model.__exit__()
        shutil.rmtree(self.top, ignore_errors=True)

    def _end_processes(self) -> None:
        """End what the agent has started, wherever it is now: all processes with its HOME."""
        until = time.monotonic() + 3
        while found := processes.marked("HOME", str(self.home)):
            if time.monotonic() > until:
                for pid in found:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.05)

    def describe(self, text: str) -> None:
        """Write the provider file that this place uses."""
        file = self.home / ".config/assigner/providers" / f"{self.provider.name}.toml"
        file.write_text(text)
        file.chmod(0o600)

    def tool(self, name: str, *arguments: object, given: str = "", allow: int = 0) -> Any:
        """Run a tool of assigner on this place's queue; its parsed output.

        AssignerError if it exits with a status other than 0 and `allow`.
        """
        command = [sys.executable, str(resources.data("bin") / name), *map(str, arguments)]
        environment = {
            **self.bare,
            **_SETTINGS,
            "ASSIGNER_HOME": str(self.top / "state"),
            "ASSIGNER_TMUX_SOCKETS": str(self.socket),
        }
        done = programs.run_bare([*command, "--json"], environment, given=given.encode())
        if done.status not in (0, allow):
            raise AssignerError(f"'{name}' failed with status {done.status}: {done.problem}")
        return json.loads(done.out or b"null")

    def tmux(self, *arguments: str, variables: dict[str, str] | None = None) -> str:
        """Call tmux on this place's server; the output.  AssignerError if that fails."""
        done = programs.run_bare(
            ["tmux", "-u", "-S", str(self.socket), "-f", "/dev/null", *arguments],
            {**self.bare, **(variables or {})}, directory=str(self.directory), seconds=10,
        )  # fmt: skip
        if done.status:
            raise AssignerError(f"'tmux {arguments[0]}' failed: {done.problem}")
        return done.out.decode("utf-8", "backslashreplace").removesuffix("\n")

    def start(self) -> None:
        """Start the agent by its provider's line, from a shell that remains when it ends."""
        if self.pane:
            self.tmux("kill-session", "-t", f"={SESSION}")
        options = ["--norc", "--noprofile"] if self.shell.endswith("bash") else []
        self.pane = self.tmux(
            "start-server", ";", "set-option", "-g", "exit-empty", "off", ";",
            "new-session", "-d", "-s", SESSION, "-x", "120", "-y", "40", "-P", "-F", "#{pane_id}",
            "--", self.shell, *options, "-i",
            variables=self.setup.environment(self.model.port) | {"PS1": "$ "},
        )  # fmt: skip
        directory = str(self.directory)
        trust = folder_trust.trust(self.provider, (directory,), directory, self.bare)
        until = time.monotonic() + 10
        while not self.screen().strip() and time.monotonic() < until:
            time.sleep(0.05)
        self.type(" ".join([self.provider.start, *map(shlex.quote, trust)]))
        self.keys("Enter")

    def type(self, text: str) -> None:
        """Type text as a person would, without Enter."""
        self.tmux("send-keys", "-t", self.pane, "-l", "--", text)

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self.tmux("send-keys", "-t", self.pane, *keys)

    def screen(self, lines: int = 0) -> str:
        """The screen, and so many lines above it."""
        return self.tmux("capture-pane", "-p", "-J", "-S", str(-lines), "-t", self.pane)

    def version(self) -> str:
        """What the agent's program prints as its version; empty if nothing is readable."""
        try:
            done = programs.run_bare(
                [self.program, "--version"],
                self.bare | self.setup.environment(self.model.port), seconds=30,
            )  # fmt: skip
        except (AssignerError, OSError, programs.NotInstalled):
            return ""
        lines = done.out.decode("utf-8", "replace").split("\n")
        return lines[0].strip()[:60] if done.status == 0 else ""

    def presses(self, attempt: int) -> int:
        """How often Enter was pressed for an attempt."""
        options = self.tmux("show-options", "-p", "-t", self.pane)
        stamps = re.findall(r"(?m)^@assigner_entered_\w+(?<!_pid) (\d+)$", options)
        return max((int(stamp) - attempt * pasted_text.CARRY for stamp in stamps), default=0)

"""A workplace for a real agent: its configuration, a model on loopback, a pane that it runs in.

It neither uses nor changes files of the user: HOME is new, and the key is invented.
"""

import json
import os
import re
import shlex
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from assigner.trial import setup
from assigner.trial.model import Model
from campaigns.agents import install
from harness.workplace import Pane, Workplace, wait_for

BLANK = "\u2800"  # what the provider file types in front of some prompts


class Place:
    """One agent in one workplace, in a session `agent`; a context manager.

    `path` is not to be below /tmp, where Codex refuses a HOME.
    """

    name = "agent"

    def __init__(
        self,
        path: Path,
        provider: str,
        *,
        trusted: bool = True,
        vim: bool = False,
        status_line: bool = False,
    ) -> None:
        self.provider = provider
        self.vim = vim
        self.work = Workplace(path)
        self.model = Model(path / "model.jsonl")
        self.directory = self.work.repo("project")
        (self.directory / "notes.txt").write_text("some notes\n")
        self.setup = setup.read(provider)
        self.setup.write(self.work.home, self.model.port)
        self._configure(vim=vim, status_line=status_line)
        if trusted:
            self.trust(self.directory)
        self.pane: Pane

    def __enter__(self) -> Self:
        self.model.__enter__()
        self.work.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.work.__exit__()
        self.model.__exit__()
        with suppress(AssertionError):
            wait_for(lambda: not self._processes(), seconds=5)
        for pid in self._processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _processes(self) -> list[int]:
        """What the agent has started, wherever it stands now: all that has its HOME."""
        found = []
        for file in (path / "environ" for path in Path("/proc").glob("[0-9]*")):
            with suppress(OSError):
                if f"HOME={self.work.home}".encode() in file.read_bytes().split(b"\0"):
                    found.append(int(file.parent.name))
        return found

    def start(self, *, direct: bool = False, columns: int = 120, lines: int = 40) -> None:
        """Start the agent, from a shell that is left when it ends, or directly.

        The line is the provider's own, so that what is tried is what people are told to use.
        """
        chain = ["start-server", ";", "set-option", "-g", "exit-empty", "off"]
        for name, value in self.variables.items():
            chain += [";", "set-environment", "-g", name, value]
        self.work.tmux(*chain)
        listed = self.work.tool("providers", "--json").json
        (line,) = [row["start"] for row in listed if row["name"] == self.provider]
        size: dict[str, Any] = {"cwd": self.directory, "columns": columns, "lines": lines}
        # tmux gives a new pane the PATH of the client that asks for it
        path = f"export PATH={shlex.quote(install.path(install.directory()))}"
        if direct:
            self.pane = self.work.pane(self.name, "sh", "-c", f"{path}; exec {line}", **size)
        else:
            self.pane = self.work.shell(self.name, rc=path, **size)
            self.pane.run(line)

    def install_hooks(self) -> None:
        """Have the agent report its turns."""
        trust = ("--trust",) if self.provider == "codex" else ()
        self.work.tool("hooks", "install", self.provider, *trust)

    def _configure(self, *, vim: bool, status_line: bool) -> None:
        """Set Claude Code's composer to vim's keys, and show a clock below it."""
        chosen: dict[str, object] = {}
        if vim:
            chosen["editorMode"] = "vim"
        if status_line:
            clock = {"type": "command", "command": "date '+clock %T'", "refreshInterval": 1}
            chosen["statusLine"] = clock
        if chosen:
            file = self.work.home / ".claude" / "settings.json"
            file.write_text(json.dumps(json.loads(file.read_text()) | chosen))

    def wait_until_ready(self) -> None:
        """Wait until the agent is at its composer."""
        self.pane.wait_for(_READY[self.provider], seconds=120)
        if self.provider == "codex":  # it sets its title last

            def titled() -> bool:
                return self.directory.name in self.pane.format("#{pane_title}")

            wait_for(titled, 60, self.pane.screen)

    def trust(self, directory: Path) -> None:
        """Answer the question whether a directory is trusted beforehand."""
        if self.provider == "claude":
            file = self.work.home / ".claude.json"
            settings: dict[str, Any] = json.loads(file.read_text())
            settings["projects"][str(directory)] = {"hasTrustDialogAccepted": True}
            file.write_text(json.dumps(settings))
        elif self.provider == "codex":
            with (self.work.home / ".codex" / "config.toml").open("a") as appended:
                appended.write(f'\n[projects."{directory}"]\ntrust_level = "trusted"\n')

    def end(self) -> None:
        """End the agent's processes, as a crash would; the shell stays."""
        front = Path(f"/proc/{self.pane.pid}/task/{self.pane.pid}/children").read_text().split()
        for pid in front:
            os.kill(int(pid), signal.SIGKILL)

    def screen(self) -> str:
        """What is seen, if there is anything to see."""
        try:
            return self.pane.screen(200)
        except (AssertionError, AttributeError) as error:
            return str(error)

    @property
    def variables(self) -> Mapping[str, str]:
        """The agent's environment beside HOME, PATH, TERM and LANG."""
        return self.setup.environment(self.model.port)

    def shows(self, what: str) -> None:
        """Wait until a state is seen: `ask`, `trust`, `answering`."""
        texts = _SHOWN[what][self.provider]
        wait_for(
            lambda: any(text in self.pane.screen() for text in texts), 60,
            lambda: f"{what}, one of {texts}:\n{self.pane.screen()}",
        )  # fmt: skip

    def agree(self) -> None:
        """Answer a question with what is marked: agents ignore keys just after they have asked."""

        def answered() -> bool:
            self.pane.enter()
            return not any(text in self.pane.screen() for text in _SHOWN["ask"][self.provider])

        wait_for(answered, 30, self.pane.screen, every=0.5)

    def trust_it(self) -> None:
        """Answer the question whether the directory is trusted; refusal may be marked at first."""

        def marked() -> bool:
            if re.search("[❯›][^\n]*(Yes|Trust and)", self.pane.screen()):
                return True
            self.pane.keys("Down")
            return False

        wait_for(marked, 20, self.pane.screen, every=0.5)
        self.pane.enter()

    def interrupt(self) -> None:
        """Press what interrupts a turn."""
        self.pane.keys("Escape")
        if self.vim:  # the first one only leaves the insert mode
            wait_for(lambda: "-- INSERT --" not in self.pane.screen(), 20, self.pane.screen)
            self.pane.keys("Escape")
        if self.provider == "opencode":
            self.pane.wait_for("again to interrupt")
            self.pane.keys("Escape")

    def leave(self) -> None:
        """Make the agent end, as a person would, and wait for the shell."""
        self.pane.type(self.setup.leave)
        wait_for(lambda: self.setup.leave in self.pane.screen(), 20, self.pane.screen)

        def left() -> bool:
            self.pane.enter()
            return self.pane.command == "bash"

        wait_for(left, 30, self.pane.screen)

    def received(self) -> list[str]:
        """What was typed to the agent as the model received it, in order."""
        return [_bare(text) for text in self.model.received()]

    def answered(self, text: str) -> bool:
        """Whether the model has come to the end of its answer to a text."""
        return self.model.answered(text)


def _bare(text: str) -> str:
    """A text without the blank that disarms it."""
    return text.removeprefix(BLANK)


_READY = {"claude": "manual mode on", "codex": "Ask Codex", "opencode": "Ask anything"}
_SHOWN: dict[str, dict[str, tuple[str, ...]]] = {
    "ask": {
        "claude": ("Do you want to proceed?", "Enter to select"),
        "codex": ("Press enter to confirm", "enter to submit"),
        "opencode": ("Permission required", "enter confirm", "enter submit"),
    },
    "trust": {"claude": ("trust this folder",), "codex": ("Trust this folder?",)},
    "answering": dict.fromkeys(("claude", "codex", "opencode"), ("second 1",)),
}

#!/usr/bin/env python3
"""standin.py - a scripted agent that looks, reads keys, calls hooks and fails like the real ones

Words in a prompt choose the outcome of its turn (see assigner/trial/words.py); a model, if there is
one at $STANDIN_MODEL, is only sent the prompts.  Enter submits the composer's text; during a turn
the text waits for the turn's end.  Escape interrupts; before the first words of an answer the
prompt goes back into the composer.  `/exit` and Ctrl-D end the agent.
SIGUSR1 stalls it, so that it neither reads nor draws, until the next SIGUSR1.  SIGUSR2 ends a usage
limit: the agent submits the prompt that met it once more, by itself.

As with real agents, not every text is submitted as it is: Enter completes a last word that begins
with `@`, and breaks the line after a backslash; a pasted line that is an image's path becomes an
attachment; `exit` alone ends the agent.

Every line of --log is a JSON object with `event`:
  prompt    `text` was submitted: exactly this; `directory` is where it works
  command   `text` was submitted, and is no prompt: it begins with `/` or `!`
  paste, text   what came by a paste, or key by key, and went into the composer
  key       a key that is no text: `key`, and the `state` in which it came
  swallowed     `text` came while a dialog was asking
  turn      how a turn ended: `outcome` completed, failed, limited or interrupted
  stalled   it reads and draws nothing from now on
  continued `text` is submitted again by the agent itself, after a usage limit
"""

import argparse
import codecs
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import termios
import textwrap
import time
import tty
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2] / "lib"))

from assigner.trial.words import answer, wish

NAME = "standin"
PLACEHOLDER = "Ask standin anything"
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧"
KEYS = {
    "\r": "Enter", "\n": "C-j", "\t": "Tab", "\x7f": "BSpace", "\x15": "C-u", "\x03": "C-c",
    "\x04": "C-d", "\x1b": "Escape", "\x1b[A": "Up", "\x1b[B": "Down", "\x1b[C": "Right",
    "\x1b[D": "Left",
}  # fmt: skip
# an end of a paste, an escape sequence, two keys in one (Alt-Escape), a control character, or text
_PIECE = re.compile(
    r"\x1b\[20[01]~|\x1b\[[0-9;?]*[A-Za-z~]|\x1b\x1b|[\x00-\x1f\x7f]|[^\x00-\x1f\x7f]+"
)
_LONG = 3  # line breaks of a paste that --wrap changes
# a line of a paste that becomes an attachment, and a last word that Enter completes
_IMAGE = re.compile(r"^[ \t]*/\S*\.png[ \t]*$", re.MULTILINE)
_MENTION = re.compile(r"(?:^|\s)@\S*\Z")
_LIMIT = "You've hit your usage limit, resets 6:09pm"


@dataclass
class Dialog:
    """A question in place of the composer: numbered choices, the first one marked."""

    question: str
    choices: tuple[str, ...]
    marked: int = 0


@dataclass(frozen=True)
class End:
    """How a turn ended, and its last words; `error` is the class that hooks and transcript name."""

    outcome: str
    text: str
    error: str = ""


# Seconds to wait, or a question whose answer (None: denied) is sent back
Turn = Generator[float | Dialog, int | None, End]


class Terminal:
    """The terminal in raw mode, with bracketed paste; it yields the input in pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._buffer = ""
        self._pasting = False
        self._before = termios.tcgetattr(0)
        tty.setraw(0)
        self.write("\x1b[?2004h\x1b[2J")

    def close(self) -> None:
        self.write("\x1b[?2004l\x1b[?25h\x1b]2;\x07\r\n\x1b[J")
        termios.tcsetattr(0, termios.TCSADRAIN, self._before)

    def write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(1, data) :]

    def read(self, seconds: float) -> Iterator[tuple[str, str]]:
        """(`paste`, text), (`key`, name) and (`text`, text) that come within so many seconds.

        Raises EOFError when the terminal is gone.
        """
        if not select.select([0], [], [], seconds)[0]:
            return
        data = os.read(0, 65536)
        if not data:
            raise EOFError
        self._buffer += self._decoder.decode(data)
        while self._buffer:
            if self._pasting:
                text, end, rest = self._buffer.partition("\x1b[201~")
                if not end:
                    return
                self._pasting, self._buffer = False, rest
                yield "paste", text.replace("\r\n", "\n").replace("\r", "\n")
                continue
            piece = _PIECE.match(self._buffer)
            assert piece is not None
            self._buffer = self._buffer[piece.end() :]
            if piece[0] == "\x1b[200~":
                self._pasting = True
                yield "key", "paste"
            elif piece[0] in KEYS or piece[0] < " ":
                yield "key", KEYS.get(piece[0], repr(piece[0]))
            else:
                yield "text", piece[0]


class Reports:
    """The agent's reports: hooks called as Claude Code does, a transcript in its format."""

    def __init__(self, options: argparse.Namespace) -> None:
        settings = json.loads(options.hooks.read_text()) if options.hooks else {}
        self._hooks: dict[str, Any] = settings.get("hooks", {})
        self._transcript: Path | None = options.transcript
        self.session = options.session_id
        self._prompt = self._last = ""
        self._lose_stop = options.lose_stop

    def hook(self, event: str, **fields: object) -> None:
        """Call the hooks of an event."""
        payload = {
            "session_id": self.session,
            "transcript_path": str(self._transcript or ""),
            "cwd": str(Path.cwd()),
            "prompt_id": self._prompt,
            "permission_mode": "default",
            "hook_event_name": event,
            **fields,
        }
        if self._lose_stop and event in ("Stop", "StopFailure"):
            return
        for group in self._hooks.get(event, []):
            for hook in group["hooks"]:
                subprocess.run(
                    ["sh", "-c", hook["command"]],
                    input=json.dumps(payload).encode(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=False,
                )

    def line(self, kind: str, **fields: object) -> None:
        """Write a line of the transcript."""
        if self._transcript is None:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {
            "parentUuid": self._last or None,
            "isSidechain": False,
            "type": kind,
            "uuid": (last := str(uuid.uuid4())),
            "timestamp": now,
            "cwd": str(Path.cwd()),
            "sessionId": self.session,
            **fields,
        }
        self._last = last
        self._transcript.parent.mkdir(parents=True, exist_ok=True)
        with self._transcript.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def begun(self, text: str) -> None:
        self._prompt = str(uuid.uuid4())
        self.hook("UserPromptSubmit", prompt=text)
        self.line("user", promptId=self._prompt, message={"role": "user", "content": text})

    def ended(self, end: End) -> None:
        content = [{"type": "text", "text": end.text}]
        if end.outcome == "interrupted":  # no hook reports an interruption
            self.line("user", message={"role": "user", "content": content})
            return
        message = {"role": "assistant", "content": content, "stop_reason": "end_turn"}
        if end.error:
            self.line("assistant", message=message, isApiErrorMessage=True, error=end.error)
            self.hook("StopFailure", error=end.error, last_assistant_message=end.text)
            return
        self.line("assistant", message=message)
        self.line("system", subtype="turn_duration", durationMs=1)
        self.hook(
            "Stop", stop_hook_active=False, last_assistant_message=end.text, background_tasks=[]
        )


class Standin:
    """The agent: a composer, at most one turn, at most one dialog."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.terminal = Terminal()
        self.reports = Reports(options)
        self.said: list[str] = []  # the lines above the composer
        self.draft = ""
        self.told: list[str] = []  # what the model was sent
        self.collapsed: dict[str, str] = {}  # large pastes, by the markers that replace them
        self.wrapped: dict[str, str] = {}  # long pastes as they are in the draft and for the model
        self.markers = 0  # their numbers rise
        self.queued: list[str] = []
        self.turn: Turn | None = None
        self.wake = 0.0
        self.prompt = ""  # of the turn
        self.continues = False  # a usage limit has ended
        self.silent = False  # nothing has been answered yet
        self.dialog: Dialog | None = None
        self.pasted_at = 0.0
        self.enters_to_lose = options.lose_enter
        self.escapes = 0
        self.beat = 0
        self.drawn = ""

    def run(self) -> None:
        """Run until a person ends the agent."""
        if self.options.start_dialog or (self.options.asks_trust and not _is_trusted()):
            question = f"Do you trust the files in {Path.cwd()}?"
            self.dialog = Dialog(question, ("Yes, go on", "No, leave"))
        self.reports.hook("SessionStart", source="startup")
        while True:
            self.draw()
            for kind, value in self.terminal.read(0.1):
                self.take(kind, value)
            if self.turn is not None and self.dialog is None and time.monotonic() >= self.wake:
                self.step(None)
            if self.continues and self.turn is None:
                self.continues = False
                self.log("continued", text=self.prompt)
                self.queued.append(self.prompt)
            if self.turn is None and self.dialog is None and self.queued:
                self.begin(self.queued.pop(0))

    @property
    def state(self) -> str:
        return "dialog" if self.dialog else "busy" if self.turn else "idle"

    def log(self, event: str, **fields: object) -> None:
        if self.options.log:
            line = {"time": time.time(), "event": event, **fields}
            with self.options.log.open("a") as file:
                file.write(json.dumps(line) + "\n")

    def stall(self) -> None:
        """Neither read nor draw until SIGUSR1 comes again."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        self.log("stalled")
        signal.sigwait({signal.SIGUSR1})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})

    def go_on(self) -> None:
        """The usage limit has ended."""
        self.continues = True

    # What is typed

    def take(self, kind: str, value: str) -> None:
        """Handle one piece of input."""
        if value == "paste" and kind == "key":
            if self.options.crash_on_paste:
                raise SystemExit(1)
            return
        if kind == "key":
            self.log("key", key=value, state=self.state)
        if self.dialog is not None:
            self.choose(self.dialog, kind, value)
        elif kind == "paste":
            self.log("paste", text=value)
            self.pasted_at = time.monotonic()
            value, images = _IMAGE.subn("", value)
            value = "[Image #1]" * images + value
            pasted = value
            if len(value) > self.options.collapse:
                self.markers += 1
                marker = f"[Pasted text #{self.markers} +{value.count(chr(10))} lines]"
                self.collapsed[marker] = value
                value = marker
            if self.options.wrap and pasted.count("\n") >= _LONG:
                self.wrapped[value] = self.options.wrap.replace("{}", pasted)
            self.draft += value
        elif kind == "text":
            self.log("text", text=value)
            self.draft += value
        else:
            self.press(value)

    def choose(self, dialog: Dialog, kind: str, value: str) -> None:
        """Handle input while a dialog asks: only the dialog's own keys have an effect."""
        chosen: int | None
        if kind == "key" and value in ("Up", "Down"):
            step = 1 if value == "Down" else -1
            dialog.marked = (dialog.marked + step) % len(dialog.choices)
            return
        if kind == "key" and value in ("Enter", "Escape"):
            chosen = dialog.marked if value == "Enter" else None
        elif kind == "text" and value in map(str, range(1, len(dialog.choices) + 1)):
            chosen = int(value) - 1
        else:
            if kind != "key":
                self.log("swallowed", text=value)
            return
        self.dialog = None
        if self.turn is not None:
            self.step(chosen, answered=True)
        elif chosen != 0:
            raise SystemExit(0)

    def press(self, key: str) -> None:
        """Handle a key that is not text, at the composer."""
        if key == "Enter":
            self.enter()
        elif key == "C-j":
            self.draft += "\n"
        elif key == "BSpace":
            self.draft = self.draft[:-1]
        elif key in ("C-u", "C-c"):
            self.draft = ""
            self.collapsed.clear()
            self.wrapped.clear()
        elif key == "Escape" and self.turn is not None:
            self.escapes += 1
            if self.escapes >= self.options.escapes:
                self.escapes = 0
                self.interrupt()
        elif key == "C-d" and not self.draft:
            raise SystemExit(0)

    def enter(self) -> None:
        since = 1000 * (time.monotonic() - self.pasted_at)
        if since < self.options.enter_delay:
            return
        if self.draft and self.enters_to_lose:
            self.enters_to_lose -= 1
            return
        if self.options.enter_breaks or self.draft.endswith("\\"):
            self.draft = f"{self.draft.removesuffix(chr(92))}\n"
            return
        if _MENTION.search(self.draft):
            self.draft += "-completed "
            return
        text = self.draft
        for marker, pasted in (self.collapsed | self.wrapped).items():
            text = text.replace(marker, pasted, 1)
        self.draft = ""
        self.collapsed.clear()
        self.wrapped.clear()
        if not text.strip():
            return
        if text.strip() in ("/exit", "exit"):
            raise SystemExit(0)
        if text[0] in "/!":
            self.log("command", text=text, directory=str(Path.cwd()))
            self.said += [f"  no such command: {text}", ""]
            return
        self.log("prompt", text=text, directory=str(Path.cwd()))
        self.queued.append(text)

    # Turns

    def begin(self, text: str) -> None:
        self.prompt, self.silent = text, True
        self.tell_model(text)
        self.reports.begun(text)
        self.said += [*textwrap.indent(text, "  ").replace("  ", "▸ ", 1).split("\n"), ""]
        self.turn, self.wake = self.answering(text), 0.0

    def tell_model(self, text: str) -> None:
        """Send a prompt to the model, and ignore the answer."""
        url = os.environ.get("STANDIN_MODEL")
        if url is None:
            return
        import http.client  # all this costs a start 30 ms
        import threading
        import urllib.request

        body = {
            "model": "standin", "stream": True, "tools": [{"function": {"name": "bash"}}],
            "messages": [{"role": "user", "content": line} for line in [*self.told, text]],
        }  # fmt: skip
        self.told.append(text)
        request = urllib.request.Request(url, json.dumps(body).encode())

        def ask() -> None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                urllib.request.urlopen(request, timeout=60).read()

        threading.Thread(target=ask, daemon=True).start()

    def step(self, answer: int | None, *, answered: bool = False) -> None:
        """Continue the turn until it waits, asks a question, or ends."""
        assert self.turn is not None
        try:
            wanted = self.turn.send(answer) if answered else next(self.turn)
        except StopIteration as stop:
            self.end(stop.value)
            return
        if isinstance(wanted, Dialog):
            self.dialog = wanted
        else:
            self.wake = time.monotonic() + wanted

    def end(self, end: End) -> None:
        self.turn = None
        mark = "■" if end.error else "⎿" if end.outcome == "interrupted" else "●"
        self.said += [f"{mark} {end.text}", ""]
        self.log("turn", outcome=end.outcome, text=end.text)
        self.reports.ended(end)

    def interrupt(self) -> None:
        assert self.turn is not None
        self.turn.close()
        if self.silent and not self.draft:
            self.draft = self.prompt
            if self.options.rewind:
                self.turn, self.said = None, []
                self.log("turn", outcome="interrupted", text="")
                return
        self.end(End("interrupted", "[Request interrupted by user]"))

    def answering(self, text: str) -> Turn:
        """The turn that a prompt wants."""
        kind, seconds, argument = wish(text)
        if kind == "next":
            kind, seconds, argument = wish(_taken(Path(argument)))
        yield seconds if kind == "think" else 0
        if kind in _FAILURES:
            failure = _FAILURES[kind]
            if kind == "quota" and seconds:
                return replace(failure, text=f"You've hit your usage limit, resets {seconds:g} s")
            return failure
        self.silent = False
        if kind in ("tool", "ask"):
            return (yield from self.asking(kind, argument))
        for line in range(int(seconds * 10) if kind == "stream" else 0):
            self.said.append(f"  line {line}")
            yield 0.1
        duration = seconds if kind == "slow" else self.options.slow
        for second in range(1, int(duration) + 1):
            self.said.append(f"  second {second} of {duration:g}")
            yield min(1.0, duration)
        yield duration % 1
        if kind == "exit":
            raise SystemExit(1)
        return End("completed", argument if kind == "say" else answer(text))

    def asking(self, kind: str, command: str) -> Turn:
        """A turn in which a person is asked."""
        name = "Bash" if kind == "tool" else "AskUserQuestion"
        called = {"tool_name": name, "tool_input": {"command": command}}
        self.reports.hook("PreToolUse", **called)
        self.reports.hook("PermissionRequest", **called)
        if kind == "tool":
            self.said += [f"● {NAME} wants to run: {command}", ""]
            question, choices = "Do you want to proceed?", ("Yes", "No")
        else:
            question, choices = "Which colour?", ("Red", "Blue")
        chosen = yield Dialog(question, choices)
        if chosen is None or (kind == "tool" and chosen != 0):
            return End("interrupted", "[Request interrupted by user for tool use]")
        self.reports.hook("PostToolUse", **called)
        yield self.options.slow
        return End("completed", f"done: {command or choices[chosen]}")

    # What is seen

    def draw(self) -> None:
        """Redraw the whole screen, in one write."""
        width, height = os.get_terminal_size(1)
        self.beat += 1 if self.turn else 0
        above = [part for line in self.said[-height:] for part in _wrapped(line, width)]
        cursor = None
        if self.dialog is not None:
            title = f"{NAME} ready"  # as with some agents, the title does not show it
            below = ["─" * width, self.dialog.question, ""]
            for number, choice in enumerate(self.dialog.choices):
                mark = "→" if number == self.dialog.marked else " "
                below.append(f" {mark} {number + 1}. {choice}")
            below += ["", " Enter to confirm · Esc to cancel"]
        else:
            wrapped = [
                part for line in self.draft.split("\n") for part in _wrapped(line, width - 4)
            ]
            shown = wrapped
            room = max(1, height // 3)
            if len(shown) > room:
                shown = shown[-room:]
                shown[0] = f"{shown[0]:{width - 4}} ↑"
            below = ["─" * width, *(f"  {line}" for line in shown), "─" * width]
            below[1] = f"▷ {shown[0]}"
            if not self.draft:
                below[1] = f"▷ \x1b[2m{PLACEHOLDER}\x1b[22m"
            cursor = len(below) - 2, 2 + len(shown[-1])
            if self.options.tall and len(wrapped) > height - 4:
                shown = wrapped[-(height - 2) :]
                more = f"─── ↑ {len(wrapped) - len(shown)} more "
                below = [f"{more:─<{width}}", *(f"  {line}" for line in shown)]
                cursor = len(below) - 1, 2 + len(shown[-1])
            shown_work = self.turn is not None and not self.options.looks_idle
            footer = f"  {'esc to interrupt' if shown_work else '/exit to leave'} · {Path.cwd()}"
            if below[-1].startswith("─"):
                below.append(footer[:width])
            title = f"{NAME} ready"
            spinner = SPINNER[self.beat % len(SPINNER)]
            if self.turn is not None and not self.options.looks_idle:
                title = f"{spinner} {NAME} works"
                above += [f"{spinner} Thinking…", ""]
            elif self.options.looks_busy and self.said:
                title = f"{spinner} {NAME} works"
            title = self.options.title or title
            above += [f"  waits: {text[: width - 12]!r}" for text in self.queued]
        above = above[-(height - len(below)) :]
        lines = [f"{line}\x1b[K" for line in [*above, *below]]
        drawn = f"\x1b]2;{title}\x07\x1b[?25l\x1b[H" + "\r\n".join(lines) + "\x1b[J"
        if cursor is not None:
            drawn += f"\x1b[{len(above) + cursor[0] + 1};{cursor[1] + 1}H\x1b[?25h"
        if drawn != self.drawn:  # an idle agent writes nothing
            self.terminal.write(drawn)
            self.drawn = drawn


_FAILURES = {
    "fail500": End("failed", "API Error: 500 internal error", "server_error"),
    "fail401": End("failed", "Please run /login · API Error: 401", "authentication_failed"),
    "context": End("failed", "Prompt is too long", "invalid_request"),
    "ratelimit": End("limited", "API Error: Request rejected (429)", "rate_limit"),
    "quota": End("limited", _LIMIT, "rate_limit"),
    "limit": End("limited", _LIMIT.partition(",")[0], "rate_limit"),
    "drop": End("failed", "API Error: Connection closed mid-response", "unknown"),
}


def _taken(file: Path) -> str:
    """Remove the first line of a file and return it."""
    first, _, rest = file.read_text().partition("\n")
    file.write_text(rest)
    return first


def _is_trusted() -> bool:
    home = Path(os.environ.get("STANDIN_HOME") or Path.home())
    try:
        projects = json.loads((home / ".standin.json").read_text())["projects"]
    except FileNotFoundError:
        return False
    return bool(projects.get(str(Path.cwd()), {}).get("trusted"))


def _wrapped(line: str, width: int) -> list[str]:
    """A line in pieces of that width, as if every character were one column wide."""
    line = line.replace("\t", "    ")
    return [line[at : at + width] for at in range(0, len(line), width)] or [""]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--log", type=Path, metavar="FILE", help="log what is typed and submitted")
    add(
        "--hooks", "--settings", type=Path, metavar="FILE",
        help="settings as Claude Code's, with hooks to call",
    )  # fmt: skip
    add("--no-hooks", dest="hooks", action="store_const", const=None, help="call no hooks")
    add("--transcript", type=Path, metavar="FILE", help="write a transcript like Claude Code's")
    add("--session-id", default=str(uuid.uuid4()), metavar="UUID", help="the conversation's id")
    add("--resume", dest="session_id", metavar="UUID", help="continue a conversation")
    add("--start-dialog", action="store_true", help="ask for trust first")
    add("--asks-trust", action="store_true", help="ask for trust unless ~/.standin.json grants it")
    add("--approve", action="store_true", help="does nothing")
    add("--slow", type=float, default=0, metavar="S", help="each answer takes S seconds")
    add("--enter-delay", type=int, default=0, metavar="MS", help="ignore Enter so soon after paste")
    add("--lose-enter", type=int, default=0, metavar="N", help="lose the first N Enters of prompts")
    add("--enter-breaks", action="store_true", help="take Enter for a line break, and submit never")
    add("--collapse", type=int, default=10**9, metavar="N", help="show longer pastes as a marker")
    add("--wrap", metavar="FORM", help="make a long paste a FORM, in which {} stands for it")
    add("--escapes", type=int, default=1, metavar="N", help="need N presses of Escape to interrupt")
    add("--looks-idle", action="store_true", help="show no work, but for the text that it writes")
    add("--looks-busy", action="store_true", help="keep the spinner in the title after a turn")
    add("--title", metavar="TEXT", help="show this title")
    add("--lose-stop", action="store_true", help="report no end of a turn by a hook")
    add("--rewind", action="store_true", help="show and record nothing of a prompt put back")
    add("--tall", action="store_true", help="let the composer grow beyond the pane")
    add("--crash-on-paste", action="store_true", help="exit when something is pasted")
    agent = Standin(parser.parse_args())
    signal.signal(signal.SIGUSR1, lambda *_: agent.stall())
    signal.signal(signal.SIGUSR2, lambda *_: agent.go_on())
    try:
        agent.run()
    except EOFError:
        sys.exit(1)
    finally:
        agent.reports.hook("SessionEnd", reason="prompt_input_exit")
        agent.terminal.close()


if __name__ == "__main__":
    main()

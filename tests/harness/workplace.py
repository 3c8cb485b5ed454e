"""A workplace for one test: bare environment, state directory, tmux server; the real tools."""

import fcntl
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from json import dumps, loads
from pathlib import Path
from subprocess import PIPE
from typing import Any, Self, TypeVar

from harness.forkserver import Forked, can_fork

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = (
    "tmux",
    "git",
    "bash",
    "zsh",
    "dash",
    "fish",
    "vim.tiny",
    "vim",
    "less",
    "man",
    "strace",
)
PIPES: Any = {"stdout": PIPE, "stderr": PIPE, "encoding": "utf-8", "errors": "backslashreplace"}
T = TypeVar("T")


def path_of(programs: Sequence[str]) -> str:
    """A PATH as short as cron's, with the directories that hold these programs on this machine."""
    found = [os.path.dirname(path) for path in map(shutil.which, programs) if path]
    return ":".join(dict.fromkeys([*found, "/usr/bin", "/bin"]))


PATH = path_of(PROGRAMS)
# For the text of an sh script that precedes the real program on the PATH
TMUX = shlex.quote(shutil.which("tmux") or "tmux")
StrPath = str | Path
Expected = int | tuple[int, ...] | None


def wait_for(
    condition: Callable[[], T], seconds: float = 20, what: object = "", every: float = 0.05
) -> T:
    """Wait for a truthy value of `condition` and return it.  After `seconds` raises AssertionError
    with `what` or what().
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            awaited = what() if callable(what) else what or condition
            raise AssertionError(f"not within {seconds} s: {awaited}")
        time.sleep(every)
    return value


def spoken(shell: str, posix: str, fish: str) -> str:
    """Return `fish` for fish, `posix` for any other shell."""
    return fish if shell == "fish" else posix


@dataclass(frozen=True)
class Result:
    """Exit status and output of one run of a tool."""

    command: str
    status: int
    out: str
    err: str

    @cached_property
    def json(self) -> Any:
        return loads(self.out)


@dataclass(frozen=True)
class Pane:
    """A tmux pane; `pid` is the process that was started in it."""

    work: "Workplace"
    name: str
    id: str
    pid: int

    def keys(self, *keys: str) -> None:
        """Press keys, given by tmux's names: `C-c`, `Enter`, `Up`."""
        self.work.tmux("send-keys", "-t", self.id, "--", *keys)

    def type(self, text: str) -> None:
        """Type text literally, without Enter."""
        self.work.tmux("send-keys", "-t", self.id, "-l", "--", text)

    def paste(self, text: str) -> None:
        """Paste text of any length, bracketed if the program has requested that."""
        file = self.work.path / "pasted"
        file.write_text(text)
        load, paste = (
            ("load-buffer", "-b", "test"),
            ("paste-buffer", "-p", "-r", "-d", "-b", "test"),
        )
        self.work.tmux(*load, str(file), ";", *paste, "-t", self.id)

    def enter(self) -> None:
        self.keys("Enter")

    def run(self, line: str) -> None:
        """Type a line and Enter; the caller has to wait for the effect."""
        self.type(line)
        self.enter()

    def screen(self, lines: int = 0) -> str:
        """The screen and `lines` lines above it, wrapped lines joined, trailing blanks removed."""
        text = self.work.tmux("capture-pane", "-p", "-J", "-S", str(-lines), "-t", self.id)
        return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n")

    def format(self, text: str) -> str:
        """Expand `#{...}` for this pane, by tmux."""
        return self.work.tmux("display-message", "-p", "-t", self.id, text)

    @property
    def command(self) -> str:
        """The name of the foreground command."""
        return self.format("#{pane_current_command}")

    def wait_for(self, text: str, seconds: float = 20) -> str:
        """Wait until `text` is on the screen or in the last lines above; return all that."""
        sought = f"{text!r} in {self.name}:\n"
        wait_for(lambda: text in self.screen(200), seconds, lambda: sought + self.screen(200))
        return self.screen(200)

    def wait_for_prompt(self, prompt: str = "") -> None:
        """Wait until the text left of the cursor ends with the prompt (default `NAME$ `)."""
        wanted = prompt or f"{self.name}$ "

        def at_prompt() -> bool:
            x, y = map(int, self.format("#{cursor_x} #{cursor_y}").split())
            line = self.work.tmux("capture-pane", "-p", "-S", str(y), "-E", str(y), "-t", self.id)
            return x >= len(wanted) and line[:x].rstrip().endswith(wanted.rstrip())

        wait_for(at_prompt, what=lambda: f"{wanted!r} in {self.name}:\n{self.screen(200)}")

    def kill(self) -> None:
        """Kill the pane.  With the last pane the tmux server ends: wait for that, since a client
        that meets an ending server fails.
        """
        panes, _, server = self.work.tmux("list-panes", "-aF", "#{pid}").rpartition("\n")
        self.work.tmux("kill-pane", "-t", self.id)
        if not panes:
            wait_for(lambda: not Path(f"/proc/{server}").exists(), what="the server ends")


@dataclass(frozen=True)
class Agent(Pane):
    """A pane with the stand-in agent, which logs what is typed to it."""

    log: Path

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """The logged events, in order (see standin.py); only of these kinds, if any are given."""
        # the last line may be incomplete
        lines = self.log.read_text().rpartition("\n")[0].splitlines() if self.log.exists() else []
        return [event for event in map(loads, lines) if not kinds or event["event"] in kinds]

    def prompts(self) -> list[str]:
        """The exact texts of the prompts that were submitted."""
        return [event["text"] for event in self.events("prompt")]

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """In this context the agent neither reads nor draws."""
        front = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[5]
        before = len(self.events("stalled"))
        os.kill(int(front), signal.SIGUSR1)
        wait_for(lambda: len(self.events("stalled")) > before, what=self.screen)
        try:
            yield
        finally:
            os.kill(int(front), signal.SIGUSR1)

    def go_on(self) -> None:
        """End the agent's usage limit: it goes on with its prompt by itself."""
        front = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[5]
        os.kill(int(front), signal.SIGUSR2)
        wait_for(lambda: self.events("continued"), what=self.screen)

    def look(self) -> Any:
        """The output of `inspect` for the agent's present screen."""
        variables = ("pane_current_command", "pane_current_path", "pane_title", "pane_dead")
        names = (*variables, "pane_in_mode", "cursor_flag")
        captured = {
            "screen": self.work.tmux("capture-pane", "-p", "-t", self.id),
            "ansi": self.work.tmux("capture-pane", "-p", "-e", "-t", self.id),
            "meta": dumps(
                {name: self.format(f"#{{{name}}}") for name in names}
                | {"cursor": self.format("#{cursor_x},#{cursor_y}")}
            ),
        }
        options: list[object] = ["--provider", "standin"]
        for kind, text in captured.items():
            file = self.log.with_suffix(f".{kind}")
            file.write_text(text)
            options += [f"--{kind}", file]
        return self.work.tool("inspect", *options, "--json").json

    def wait_until(self, status: str) -> Any:
        """Wait until `inspect` shows that status; return its output."""
        seen: list[Any] = []

        def reached() -> Any:
            seen.append(self.look())
            return seen[-1] if seen[-1]["status"] == status else None

        return wait_for(reached, 20, lambda: f"{status}: {seen[-1]}\n{self.screen()}")


class Workplace:
    """Everything that one test may use; a context manager that leaves no process running."""

    def __init__(self, path: Path, *, real: bool = False) -> None:
        self.path = path
        self.real = real  # whether each tool gets an interpreter of its own
        self.home = path / "home"
        self.state = path / "state"  # the tools create it
        self.database = self.state / "assigner.db"
        # Not below `path`, which may exceed the 108 bytes of a socket's path.
        self.socket = Path(tempfile.mkdtemp(prefix="assigner-test-", dir="/tmp")) / "tmux"
        self._started: list[subprocess.Popen[str]] = []
        # cron's environment, and the places of this workplace.
        self.environment = {
            "HOME": str(self.home),
            "LOGNAME": "tester",
            "PATH": PATH,
            "SHELL": "/bin/sh",
            "ASSIGNER_HOME": str(self.state),
            "ASSIGNER_TMUX_SOCKETS": str(self.socket),
        }
        self.home.mkdir(parents=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            with process:
                process.kill()
        self.stop_server()
        shutil.rmtree(self.socket.parent)

    def start(
        self, name: str, *args: object, env: Mapping[str, str] | None = None, cwd: StrPath = "/",
        real: bool = False,
    ) -> subprocess.Popen[str]:  # fmt: skip
        """Start a tool without waiting, for races and kills; the workplace ends it if needed.

        `real` starts it in an interpreter of its own, for a test that a fork would mislead.
        """
        tool = ROOT / "bin" / name
        with tool.open("rb") as file:
            interpreter = sys.executable if b"python" in file.readline() else "/bin/sh"
        words = [interpreter, str(tool), *map(str, args)]
        environment = {**self.environment, **(env or {})}
        forked = interpreter == sys.executable and not (real or self.real)
        kind = Forked if forked and can_fork(words, environment) else subprocess.Popen
        process = kind(words, stdin=PIPE, env=environment, cwd=cwd, **PIPES)
        self._started.append(process)
        return process

    def tool(
        self, name: str, *args: object, input: str = "", status: Expected = 0,
        seconds: float = 60, **where: Any,
    ) -> Result:  # fmt: skip
        """Run a tool to its end, for at most `seconds`.

        Raises AssertionError if it does not exit with `status` (None: any), or prints a traceback.
        `where` are arguments of `start`: `env`, added to the bare environment, `cwd`, and `real`.
        """
        process = self.start(name, *args, **where)
        out, err = process.communicate(input, timeout=seconds)
        self._started.remove(process)
        result = Result(" ".join(map(str, (name, *args))), process.returncode, out, err)
        allowed = (status,) if isinstance(status, int) else status
        assert allowed is None or result.status in allowed, result
        assert "Traceback" not in err, result
        return result

    def tick(self, *args: object, until: float = 10) -> Result:
        """Run ticks until no prompt is open, or `until` seconds have passed."""
        return self.tool("tick", "--until-idle", until, *args)

    def run_until(self, condition: Callable[[], T], seconds: float = 20) -> T:
        """Run single ticks until `condition` holds, even if items fail."""

        ticks = []

        def ticked() -> T:
            ticks.append(self.tool("tick", status=(0, 1)))
            return condition()

        return wait_for(ticked, seconds, lambda: f"{condition}; last: {ticks[-1]}", every=0.3)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the passes, as another process would."""
        with (self.state / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        """The rows that a query finds.  It cannot write, but rolls back what a killed pass left."""
        with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=rw", uri=True)) as connection:
            connection.execute("PRAGMA query_only = on")
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, params)]

    def pass_limits(self) -> None:
        """Let all usage limits be over: the agents know nothing of it."""
        over = "2026-01-01T00:00:00.000Z"
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("UPDATE usage_limits SET until = ?", [over])
            connection.execute(
                "UPDATE sessions SET limited_until = ? WHERE limited_until IS NOT NULL", [over]
            )
            connection.execute(
                "UPDATE attempts SET evidence = json_set(evidence, '$.turn.limited_until', ?)"
                " WHERE outcome IS NULL AND evidence -> '$.turn.limited_until' IS NOT NULL",
                [over],
            )

    def row(self, sql: str, *params: object) -> dict[str, Any]:
        """The one row that a query finds."""
        (row,) = self.rows(sql, *params)
        return row

    def prompt(self, id: int) -> dict[str, Any]:
        return self.row("SELECT * FROM prompts WHERE id = ?", id)

    def tmux(self, *args: str, cwd: StrPath = "") -> str:
        """Call tmux on this workplace's server; return its output.  AssertionError if it fails."""
        person = {"LANG": "C.UTF-8", "SHELL": "/bin/bash", "TERM": "xterm-256color"}
        done = subprocess.run(
            ["tmux", "-u", "-S", self.socket, "-f", "/dev/null", *args],
            stdin=subprocess.DEVNULL,
            timeout=10,
            cwd=cwd or self.home,
            env={"HOME": str(self.home), "PATH": PATH, **person},
            **PIPES,
        )
        assert done.returncode == 0, f"tmux {' '.join(args)}: {done.stderr}"
        return str(done.stdout).removesuffix("\n")

    def pane(
        self, name: str, *command: str, cwd: StrPath = "", columns: int = 120, lines: int = 30
    ) -> Pane:
        """Create a detached session that runs `command`, without waiting for the command."""
        new = f"new-session -d -s {name} -x {columns} -y {lines} -P -F".split()
        # The client's own directory: in `-c DIR` tmux would expand formats.
        answer = self.tmux(*new, "#{pane_id} #{pane_pid}", "--", *command, cwd=cwd)
        id, pid = answer.split()
        return Pane(self, name, id, int(pid))

    def shell(
        self, name: str, shell: str = "bash", rc: str = "", prompt: str = "", **pane: Any
    ) -> Pane:
        """Create a session with a shell at its prompt: `NAME$ `, or `prompt` if `rc` sets that.

        `rc` is the text of its start-up file; `pane` are arguments of Workplace.pane.
        """
        arguments = {
            "bash": ["--norc", "--noprofile", "-i"],
            "zsh": ["-f", "-i"],
            "dash": ["-i"],
            "fish": ["--no-config", "-i", "-C", f"function fish_prompt; echo -n '{name}$ '; end"],
        }[shell]
        variables = [f"PS1={name}$ ", "fish_greeting="]
        if rc:
            directory = Path(tempfile.mkdtemp(prefix=f"rc-{name}-", dir=self.path))
            file = directory / ".zshrc"
            file.write_text(f"PS1='{name}$ '\n{rc}\n")
            arguments = {
                "bash": ["--rcfile", str(file), "-i"],
                "zsh": ["-i"],
                "dash": ["-i"],
                "fish": [*arguments[:-1], f"{arguments[-1]}\n{rc}"],
            }[shell]
            variables += [f"ZDOTDIR={directory}", f"ENV={file}"]
        started = self.pane(name, "env", *variables, shell, *arguments, **pane)
        started.wait_for_prompt(prompt)
        return started

    def enrolled(self, name: str, shell: str = "bash", **options: Any) -> Pane:
        """Create and enroll a shell session."""
        pane = self.shell(name, shell, **options)
        self.tool("enroll", name)
        return pane

    def agent(
        self,
        name: str,
        *options: object,
        tells: str = "",
        direct: bool = False,
        version: str = "",
        **pane: Any,
    ) -> Agent:
        """Create a session with the stand-in agent, at its composer or its first dialog.

        `options` are those of standin.py.  `tells` contains `hooks`, `transcript` or both: by these
        the agent reports its turns; if it is empty, only the screen shows them.  The agent starts
        from a shell, which remains when it ends, or with `direct` without one.  `version` is its
        version, if any.  A provider file of the user describes it as `standin`.
        """
        log = self.path / f"{name}.log"
        line = self.agent_line(name, *options, tells=tells, cwd=pane.get("cwd", ""))
        if version:
            line = f"VERSION={version} {line}"
        if direct:
            started = self.pane(name, "sh", "-c", f"exec {line}", **pane)
        else:
            started = self.shell(name, **pane)
            started.run(line)
        agent = Agent(self, name, started.id, started.pid, log)
        wait_for(lambda: agent.command == "standin", what=agent.screen)
        agent.wait_for("Do you trust" if "--start-dialog" in options else "Ask standin anything")
        return agent

    def agent_line(self, name: str, *options: object, tells: str = "", cwd: StrPath = "") -> str:
        """The command line that starts the stand-in agent of a session: see `agent`."""
        if "hooks" in tells:
            options = ("--hooks", self._hooks(), *options)
        if "transcript" in tells:
            project = re.sub("[^A-Za-z0-9]", "-", str(cwd or self.home))
            options = (
                "--transcript", self.home / f".standin/projects/{project}/{name}.jsonl", *options
            )  # fmt: skip
        log = self.path / f"{name}.log"
        return shlex.join([str(self._standin()), "--log", str(log), *map(str, options)])

    def _hooks(self) -> Path:
        """Write settings with the hooks that `hooks install` would write, for every event."""
        file = self.path / "hooks.json"
        if not file.exists():
            events = (
                "SessionStart", "UserPromptSubmit", "PermissionRequest", "PostToolUse", "Stop",
                "StopFailure", "SessionEnd",
            )  # fmt: skip
            hooks = {event: [{"hooks": [{"command": self.hook(event)}]}] for event in events}
            file.write_text(dumps({"hooks": hooks}))
        return file

    def hook(self, event: str) -> str:
        """The command that reports an event of the stand-in."""
        return shlex.join([str(ROOT / "bin" / "hook"), str(self.state / "spool"), "standin", event])

    def _standin(self) -> Path:
        """Create the program `standin` and its provider file."""
        program = self.path / "bin" / "standin"
        if not program.exists():
            program.parent.mkdir(exist_ok=True)
            # not the virtual environment's python: it would not find that under another name
            python = shlex.quote(os.path.realpath(sys.executable))
            source = Path(__file__).with_name("standin.py")
            versions = self.path / "versions"
            program.write_text(
                "#!/bin/bash\n"
                f"source={shlex.quote(str(source))}\n"
                f"place={shlex.quote(str(versions))}/$VERSION\n"
                '[ -z "$VERSION" ] || { mkdir -p "$place"; ln -sf "$source" "$place/standin.py";'
                " source=$place/standin.py; }\n"
                f'exec -a standin {python} "$source" "$@"\n'
            )
            program.chmod(0o755)
            configuration = self.environment.get("XDG_CONFIG_HOME", self.home / ".config")
            described = Path(configuration) / "assigner" / "providers" / "standin.toml"
            described.parent.mkdir(parents=True, exist_ok=True)
            text = (ROOT / "tests" / "data" / "standin.toml").read_text()
            described.write_text(text.replace('start = "standin"', f'start = "{program}"'))
            described.chmod(0o600)
        return program

    @contextmanager
    def attached(self, session: str) -> Iterator[subprocess.Popen[bytes]]:
        """Attach a tmux client in a terminal of its own; what is written to its stdin is typed."""
        with subprocess.Popen(
            ["script", "-qfc", f"tmux -u -S {self.socket} attach -t {session}", "/dev/null"],
            stdin=PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"TERM": "xterm", "PATH": PATH, "LANG": "C.UTF-8"},
        ) as client:  # fmt: skip
            try:
                wait_for(lambda: self.tmux("list-clients", "-t", session))
                yield client
            finally:
                client.kill()

    def stop_server(self) -> None:
        """End the tmux server, even if it is stopped or hangs, and all clients that wait for it."""

        def signal_all(number: signal.Signals) -> None:
            for pid in self.servers():
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

        signal_all(signal.SIGCONT)
        with suppress(AssertionError, subprocess.TimeoutExpired):
            self.tmux("kill-server")
            wait_for(lambda: not self.servers(), seconds=3)
        signal_all(signal.SIGKILL)
        wait_for(lambda: not self.servers(), what=f"end of the tmux server on {self.socket}")

    def servers(self) -> list[int]:
        """The pids of processes with the socket in their arguments: tmux's server and clients."""
        found = []
        for file in (path / "cmdline" for path in Path("/proc").glob("[0-9]*")):
            with suppress(OSError):
                if bytes(self.socket) in file.read_bytes():
                    found.append(int(file.parent.name))
        return found

    def repo(self, path: StrPath = "repo", branches: Sequence[str] = ("main", "feature")) -> Path:
        """Create a repository on the first of `branches`; `branch.txt` holds each branch's name."""
        top = self.path / path
        who = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")
        environment = {**self.environment, "GIT_CONFIG_NOSYSTEM": "1"}

        def git(*args: str) -> None:
            subprocess.run(["git", *who, *args], cwd=top, env=environment, check=True, timeout=30)

        top.mkdir(parents=True)
        git("init", "-q")
        for branch in branches:
            git("checkout", "-q", "-B", branch)
            (top / "branch.txt").write_text(f"{branch}\n")
            git("add", "branch.txt")
            git("commit", "-q", "-m", branch)
        git("checkout", "-q", branches[0])
        return top


def interrupted(work: Workplace) -> None:
    """Leave the database as a pass does that is killed while it writes."""
    journal = work.database.with_name("assigner.db-journal")
    with closing(sqlite3.connect(work.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE prompts SET content = 'half' || hex(zeroblob(1000))")
        half, rest = work.database.read_bytes(), journal.read_bytes()
        connection.execute("ROLLBACK")
    work.database.write_bytes(half)
    journal.write_bytes(rest)
    journal.chmod(0o600)

"""Asks tmux in bulk; keyboard.py types.

This relies on facts found by experiment (tmux 3.3a to 3.5a):
- a client without `-u` rewrites every byte outside 0x20-0x7e; `-N` starts no server;
- a hung server blocks its client forever: timeout(1) ends the client, even if we are killed;
- `source-file -` takes any number of commands and continues after a bad target;
- a truncated line does not parse, and then tmux executes nothing of the whole input;
- tmux runs the commands of one `if-shell -F` with nothing in between;
- paste-buffer into a dead pane crashes the 3.3a server: the condition checks pane_dead.
"""

import io
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, NamedTuple

from assigner import screen, serving
from assigner.errors import AssignerError, SetupError

_FIELDS = (
    "session_name", "window_index", "pane_index", "session_panes", "pid", "start_time", "pane_id",
    "pane_pid", "pane_tty", "pane_dead", "pane_dead_status", "pane_in_mode", "pane_input_off",
    "cursor_x", "cursor_y", "window_activity", "window_active_clients", "session_activity",
)  # fmt: skip
_PANES = "\t".join(
    "#{W:#{P:x}}" if field == "session_panes" else f"#{{{field}}}" for field in _FIELDS
)
ASIDE = "assigner-check-"  # the names of sessions that run checks: nothing is typed there
_ACTIVITY = attrgetter("client_activity")


class NoServer(Exception):
    """No server listens at the socket."""


class Unreachable(Exception):
    """Whether a server is there is unknown: a timeout or a permission error."""


class PaneId(NamedTuple):
    """Which pane it is, and which process runs in it.  The server's start belongs to it, since a
    restarted server hands out %0 again.  The fields are called as the columns of the database.
    """

    socket: str
    server_pid: int
    server_start: int
    pane_id: str
    pane_pid: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "PaneId":
        """That of the session or attempt whose row this is."""
        return cls(*(row[column] for column in cls._fields))

    @property
    def place(self) -> tuple[str, int, int, str]:
        """The pane, whichever process runs in it."""
        return self[:4]

    @property
    def formats(self) -> dict[str, object]:
        """The values of tmux's format variables in that pane, as long as it is the same."""
        return {
            "pid": self.server_pid,
            "start_time": self.server_start,
            "pane_id": self.pane_id,
            "pane_pid": self.pane_pid,
        }


@dataclass(frozen=True)
class Pane:
    """One pane as `list-panes` shows it.  Times are epoch seconds, whole ones."""

    socket: str
    session: str
    window: int
    index: int
    alone: bool
    server_pid: int
    server_start: int
    id: str
    pid: int
    tty: str
    dead: bool
    dead_status: str
    in_mode: bool
    input_off: bool
    cursor_x: int
    cursor_y: int
    activity: int
    attached: int
    client_activity: int

    @property
    def identity(self) -> PaneId:
        return PaneId(self.socket, self.server_pid, self.server_start, self.id, self.pid)


@dataclass(frozen=True)
class Line:
    """The cursor's line, whether there is text below it, and the foreground command, at one moment.
    `above` is the text of full lines above it, which may continue in it.  `last` is the stamp of
    the last text that any queue has typed there.
    """

    cursor_x: int
    cursor_y: int
    command: str
    text: str
    below: bool = False
    above: str = ""
    last: int = 0


@dataclass(frozen=True)
class Screen:
    """All that a pane shows, with colors, and tmux's variables at that moment.

    `typed`, `typed_pid`, `entered`, `interrupted` and `respawned` are the stamps of keyboard.py,
    `last` is the stamp of the last text that any queue has typed there; `touched` is when a person
    last pressed a key in its session.
    """

    cursor_x: int
    cursor_y: int
    cursor_flag: str
    in_mode: bool
    activity: int
    touched: int
    command: str
    title: str
    typed: int
    typed_pid: int
    entered: int
    interrupted: int
    respawned: int
    last: int
    coloured: str


def panes(socket: str, timeout: float) -> list[Pane]:
    """Every pane of the server, in one call.  Raises NoServer, Unreachable.

    A pane whose window is linked to several sessions appears once for each of them.
    """
    found = []
    for text in listed(socket, timeout, _PANES):
        values = text.split("\t")
        if len(values) != len(_FIELDS):
            continue
        f = dict(zip(_FIELDS, values, strict=True))
        found.append(
            Pane(
                socket=socket,
                session=f["session_name"],
                window=int(f["window_index"]),
                index=int(f["pane_index"]),
                alone=f["session_panes"] == "x",
                server_pid=int(f["pid"]),
                server_start=int(f["start_time"]),
                id=f["pane_id"],
                pid=int(f["pane_pid"]),
                tty=f["pane_tty"],
                dead=f["pane_dead"] == "1",
                dead_status=f["pane_dead_status"],
                in_mode=f["pane_in_mode"] not in ("", "0"),
                input_off=f["pane_input_off"] == "1",
                cursor_x=int(f["cursor_x"] or 0),
                cursor_y=int(f["cursor_y"] or 0),
                activity=int(f["window_activity"] or 0),
                attached=int(f["window_active_clients"] or 0),
                client_activity=int(f["session_activity"] or 0),
            )
        )
    typed = {pane.id: pane.client_activity for pane in sorted(found, key=_ACTIVITY)}
    return [
        pane
        if pane.client_activity == typed[pane.id]
        else replace(pane, client_activity=typed[pane.id])
        for pane in found
    ]


def cursor_lines(socket: str, timeout: float, wanted: Iterable[Pane]) -> dict[str, Line]:
    """The cursor's line of each pane, by pane id, in one call; omits panes that are gone."""
    mark, wanted = frame(), list(wanted)
    rows = {pane.id: pane.cursor_y for pane in wanted}
    script = [
        f"display-message -p -t {pane.id}"
        f" '{mark} #{{pane_id}} #{{cursor_x}} #{{cursor_y}} #{{pane_width}} {number(LAST)}x"
        " #{pane_current_command}'\n"
        f"capture-pane -p -t {pane.id} -S {max(0, pane.cursor_y - _ABOVE)}"
        for pane in wanted
    ]
    found = {}
    for head, text in framed(source(socket, timeout, script), mark):
        pane_id, x, y, width, last, command = (*head.split(" ", 5), *[""] * 6)[:6]
        if pane_id.startswith("%"):
            lines = text.split("\n")
            at = min(rows[pane_id], _ABOVE)
            line, *below = lines[at:] or [""]
            above = _full_above(lines[:at], int(width))
            under = any(map(str.strip, below))
            stamp = int(last[:-1] or 0)
            found[pane_id] = Line(int(x), int(y), command, line, under, above, stamp)
    return found


LAST = "@assigner_last"
_ABOVE = 5  # lines examined above the cursor's


def _full_above(lines: list[str], width: int) -> str:
    """The text of the last of these lines that fill every column."""
    full = itertools.takewhile(lambda line: screen.width(line) >= width, reversed(lines))
    return "".join(reversed(list(full)))


def screens(
    socket: str, timeout: float, instance: str, wanted: Iterable[Pane]
) -> dict[str, Screen]:
    """The screen of each pane, by pane id, in one call; omits panes that are gone."""
    mark = frame()
    names = (
        f"typed_{instance}", f"typed_{instance}_pid", f"entered_{instance}",
        f"interrupted_{instance}", f"respawned_{instance}",
    )  # fmt: skip
    options = " ".join(f"{number(name)}x" for name in (*(f"@assigner_{n}" for n in names), LAST))
    head = (
        f"{mark} #{{pane_id}} #{{cursor_x}} #{{cursor_y}} #{{cursor_flag}} #{{pane_in_mode}}x"
        f" #{{window_activity}}x #{{session_activity}}x {options}"
        "\t#{pane_current_command}\t#{pane_title}"
    )
    script = [
        f"display-message -p -t {pane.id} {quote(head)}\ncapture-pane -ep -t {pane.id}"
        for pane in wanted
    ]
    found = {}
    for line, text in framed(source(socket, timeout, script), mark):
        facts, command, title = (*line.split("\t", 2), "", "")[:3]
        if not facts.startswith("%"):
            continue  # the pane is gone
        pane_id, x, y, flag, *rest = facts.split(" ")
        mode, activity, touched, *stamps = (int(word[:-1] or 0) for word in rest)
        typed, typed_pid, entered, interrupted, respawned, last = stamps
        found[pane_id] = Screen(
            int(x), int(y), flag, bool(mode), activity, touched, command, title,
            typed, typed_pid, entered, interrupted, respawned, last, text,
        )  # fmt: skip
    return found


def history(socket: str, timeout: float, wanted: Iterable[str]) -> dict[str, str]:
    """All text of each pane with its scrollback, by pane id; wrapped lines are joined."""
    mark = frame()
    script = [
        f"display-message -p -t {pane} '{mark} #{{pane_id}}'\ncapture-pane -p -J -t {pane} -S -"
        for pane in wanted
    ]
    found = framed(source(socket, timeout, script), mark)
    return {head: text for head, text in found if head.startswith("%")}


def listed(socket: str, timeout: float, form: str) -> list[str]:
    """A line for every pane, in that format.  Raises NoServer, Unreachable."""
    return _call(socket, timeout, "list-panes", "-a", "-F", form)[0].split("\n")[:-1]


def client_version() -> str:
    """The output of `tmux -V`, such as `tmux 3.3a`.  SetupError without tmux."""
    import sh

    try:
        return str(sh.Command("tmux")("-V", _tty_out=False)).strip()
    except (sh.CommandNotFound, sh.ErrorReturnCode) as error:
        raise SetupError(f"cannot run 'tmux -V': {error.__class__.__name__}") from None


def server(socket: str, timeout: float) -> tuple[str, int]:
    """The version of the server at a socket, and its number of panes; '' as version if it does not
    understand this client.  Raises NoServer, Unreachable.
    """
    lines = listed(socket, timeout, "#{version}")
    return (lines[0], len(lines)) if lines else ("", 0)


def create(
    socket: str,
    timeout: float,
    name: str,
    directory: str,
    command: Sequence[str] = (),
    *,
    transient: bool = False,
    stays: bool = False,
) -> tuple[str, int]:
    """Make a detached session, and the server if none runs.  Returns its pane's id and process.

    `name` must not contain anything that tmux expands or rewrites.  Without a command tmux runs its
    default; it would pass a single word to a shell.  A server started here outlives this process
    and gets only the login part of the environment.  A `transient` session lasts as long as its
    command, attached or not, whatever the user's options say; with `stays` the pane and its output
    outlive the command.  Raises AssignerError if tmux refuses.
    """
    lasting = (
        ";", "set-option", "-t", f"={name}:", "destroy-unattached", "off",
        ";", "set-option", "-w", "-t", f"={name}:", "remain-on-exit", "off",
    )  # fmt: skip
    keeping = (";", "set-option", "-p", "-t", f"={name}:", "remain-on-exit", "on")
    serving.make_socket_directory(socket)
    out, problem, status = _client(
        socket, timeout, "new-session", "-d", "-s", name, "-x", "160", "-y", "48", "-P", "-F",
        "#{pane_id} #{pane_pid}", *(["--", *command] if command else []),
        *(lasting if transient else ()),
        *(keeping if stays else ()),
        directory=directory,
    )  # fmt: skip
    pane, _, pid = out.strip().partition(" ")
    if status or not pid.isdigit():
        raise AssignerError(
            f"tmux cannot make the session '{name}' on '{socket}': {problem or 'no answer'}"
        )
    return pane, int(pid)


def revive(pane: Pane, timeout: float, command: Sequence[str]) -> bool:
    """Run a command in a dead pane, if it still is the same pane and nothing has run there since.
    Returns whether it did.  Raises NoServer, Unreachable.
    """
    condition = both(pane.identity.formats, "#{pane_dead}")
    words = " ".join(map(quote, command))
    answer = f"display-message -p -t {pane.id}"
    script = (
        f"if-shell -F -t {pane.id} {quote(condition)}"
        f" {{ respawn-pane -t {pane.id} {words} ; {answer} revived }} {{ {answer} refused }}"
    )
    return source(pane.socket, timeout, [script]).strip() == "revived"


def discard(socket: str, timeout: float, pane: str, pid: int) -> None:
    """Kill the session of a pane, if the pane's process still has that pid."""
    condition = f"#{{==:#{{pane_pid}},{pid}}}"
    _call(socket, timeout, "if-shell", "-F", "-t", pane, condition, f"kill-session -t {pane}")


def both(wanted: Mapping[str, object], condition: str) -> str:
    """A format that is true where the condition is and each variable has its value."""
    for name, value in wanted.items():
        condition = f"#{{&&:#{{==:#{{{name}}},{value}}},{condition}}}"
    return condition


def quote(text: str) -> str:
    """One word for tmux's parser: in single quotes only the quote is special, and the text after a
    newline, where tmux drops blanks and comments.
    """
    return "'" + text.replace("'", "'\\''").replace("\n", "'\"\\n\"'") + "'"


def number(option: str) -> str:
    """The format of an option that holds a number: empty if somebody set it to other text."""
    return f"#{{?#{{{option}}},#{{e|+:#{{{option}}},0}},}}"


def frame() -> str:
    """A word that no program in a pane can guess; it marks our own lines in the answer."""
    return os.urandom(8).hex()


def framed(text: str, mark: str) -> Iterable[tuple[str, str]]:
    """The rest of each marked line, with the text up to the next one."""
    for part in ("\n" + text).split(f"\n{mark} ")[1:]:
        head, _, rest = part.partition("\n")
        yield head, rest


def source(socket: str, timeout: float, script: list[str]) -> str:
    """Have the server execute `script` through one client; ignores bad targets."""
    if not script:
        return ""
    return _call(socket, timeout, "source-file", "-", given="\n".join(script) + "\n")[0]


def _call(
    socket: str, timeout: float, *arguments: str, given: str | None = None
) -> tuple[str, int]:
    """Run one tmux client, which starts no server: its output and its exit status."""
    out, problem, status = _client(socket, timeout, *arguments, given=given)
    if status and problem:
        _explain(problem)
    return out, status


def _client(
    socket: str,
    timeout: float,
    *arguments: str,
    given: str | None = None,
    directory: str | None = None,
) -> tuple[str, str, int]:
    """Run one tmux client: its output, its error messages, and its exit status.

    With a directory it may start a server, which takes over that directory and the environment.
    """
    import sh  # 35 ms, so imported only if tmux is asked

    out, err = io.BytesIO(), io.BytesIO()
    try:
        # timeout(1), because sh's own _timeout checks the clock only every 100 ms
        command = sh.Command("timeout")(
            "--foreground", "-k", "1", str(timeout), "tmux", "-u", *([] if directory else ["-N"]),
            "-S", socket, *arguments,
            _in=(given or "").encode("utf-8", "surrogateescape"), _out=out, _err=err,
            _out_bufsize=65536, _tty_out=False, _return_cmd=True, _ok_code=list(range(256)),
            _cwd=directory, _env=serving.environment() if directory else None,
        )  # fmt: skip
        status: int = command.exit_code
    except sh.CommandNotFound as error:
        raise SetupError(f"cannot find '{error}': install coreutils and tmux") from None
    except sh.ForkException:
        if directory is None:
            raise Unreachable("the tmux client cannot be started") from None
        raise AssignerError(f"cannot enter '{directory}'") from None
    except (sh.SignalException, sh.TimeoutException) as error:
        raise Unreachable(f"the tmux client died: {error.__class__.__name__}") from None
    except (RuntimeError, OSError, ValueError) as error:  # out of processes, threads or files
        raise Unreachable(f"the tmux client cannot be started: {error}") from None
    if status in (124, 137):
        raise Unreachable(f"tmux did not answer within {timeout:g} s")
    if status in (126, 127):
        raise SetupError("cannot run 'tmux': install it")
    problem = err.getvalue().decode("utf-8", "replace").strip()
    return out.getvalue().decode("utf-8", "backslashreplace"), problem, status


def _explain(problem: str) -> None:
    """Raise what a client's complaint means.

    Its words are the only sign: the exit status is 1 for everything, and another call to the
    socket would answer of another moment.  They are never translated, since tmux sets no
    LC_MESSAGES.  This is the one place that knows them.
    """
    if "no server running" in problem or "Connection refused" in problem:
        raise NoServer(problem)
    if "No such file or directory" in problem and "error connecting" in problem:
        raise NoServer(problem)
    if "error connecting" in problem or "lost server" in problem or "server exited" in problem:
        raise Unreachable(problem.splitlines()[0])

"""Asks the system about processes, terminals, locks and mounts, without typing anything.

Only this module reads /proc (proc(5)): a system other than Linux needs its own version of it.
"""

import contextlib
import fcntl
import os
import re
import signal
import socket
import struct
import sys
import termios
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple


class Stat(NamedTuple):
    """The fields of /proc/PID/stat that show which process has the terminal."""

    pid: int
    comm: str
    state: str
    group: int
    session: int
    foreground: int


def stat(pid: int) -> Stat | None:
    """The fields for a process; None if it does not exist."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            head, _, tail = file.read().rpartition(b")")
    except OSError:
        return None
    fields = tail.split()
    comm = head.partition(b"(")[2].decode("utf-8", "backslashreplace")
    return Stat(pid, comm, fields[0].decode(), int(fields[2]), int(fields[3]), int(fields[5]))


def front(pid: int) -> int | None:
    """The foreground process group of a process's terminal; its leader is the program in front."""
    process = stat(pid)
    return process.foreground if process else None


def terminal(tty: str) -> tuple[bool, bool]:
    """Whether the foreground program reads single keys (a line editor turns ICANON off), and
    whether the terminal echoes (a password prompt turns ECHO off).
    """
    try:
        descriptor = os.open(tty, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False, True
    try:
        flags = termios.tcgetattr(descriptor)[3]
    except termios.error:
        return False, True
    finally:
        os.close(descriptor)
    return not flags & termios.ICANON, bool(flags & termios.ECHO)


def directory(pid: int) -> str | None:
    """The working directory of a process; None if the directory is unknown or was removed."""
    try:
        path = os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None
    return None if path.endswith(" (deleted)") else path


def program(pid: int) -> str | None:
    """The file name of a process's program; None if it is unknown."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return None


def executable(pid: int) -> str | None:
    """The path of a process's program; None if it is unknown."""
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return None


def started(pid: int) -> float | None:
    """When a process started, in epoch seconds; None if it does not exist."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as file:
            boot = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
    except (OSError, StopIteration):
        return None
    return boot + ticks / os.sysconf("SC_CLK_TCK")


def identity(pid: int) -> str | None:
    """A process's id and start (in ticks), which no other process has until the machine reboots;
    None if it does not exist.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return f"{pid} {int(file.read().rpartition(b')')[2].split()[19])}"
    except OSError:
        return None


def arguments(pid: int) -> list[str]:
    """The command line of a process; [] if it is unknown."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode("utf-8", "backslashreplace").split("\0")[:-1]
    except OSError:
        return []


def environment(pid: int) -> dict[str, str]:
    """The environment in which a process started; {} if it is unknown."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            pairs = os.fsdecode(file.read()).split("\0")
    except OSError:
        return {}
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def children(pid: int) -> list[int]:
    """The live children of a process; [] if they are unknown (proc(5))."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def marked(name: str, value: str) -> list[int]:
    """The user's live processes that were started with this value of a variable."""
    return [pid for pid in _pids() if environment(pid).get(name) == value]


def running() -> set[str]:
    """The names of all programs that run now, whichever user started them."""
    return {process.comm for pid in _pids() if (process := stat(pid))}


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def lockers(path: Path) -> list[int]:
    """The processes that hold a lock of any kind on a file.  OSError if there is no such file."""
    status = path.stat()
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    found = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()  # N: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE ...; waiters: ->
            if len(fields) < 6 or fields[1] == "->":
                continue
            where, _, inode = fields[5].rpartition(":")
            anonymous = os.major(status.st_dev) == 0  # btrfs shows another number there
            if inode == str(status.st_ino) and (where == device or anonymous):
                found.append(int(fields[4]))
    return [pid for pid in dict.fromkeys(found) if pid > 0]


def file_system(path: Path, mounts: str | None = None) -> str:
    """The type of the file system that holds `path`.

    `mounts` is the text of /proc/self/mountinfo, in which a later mount hides an earlier one at
    the same path.
    """
    if mounts is None:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    found, kind = "", ""
    place = os.path.realpath(path)
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), head.split(" ")[4])
        within = place == point or place.startswith(point.rstrip("/") + "/")
        if within and len(point) >= len(found):
            found, kind = point, tail.split(" ")[0]
    return kind


def erase_below(tty: str) -> None:
    """Clear a terminal from its cursor to the end, as its program could (ED, ECMA-48 8.3.39)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(tty, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"\x1b[J")
        finally:
            os.close(descriptor)


def unread(tty: str) -> int:
    """The bytes that a terminal's program has not read (FIONREAD, ioctl_tty(2)); 0 if unknown."""
    try:
        descriptor = os.open(tty, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        answer = fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4)
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    return int.from_bytes(answer, sys.byteorder)


def listener(path: str) -> int | None:
    """The process that listens at a Unix socket, even if it hangs (SO_PEERCRED, unix(7))."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as client:
        try:
            client.connect(path)
            return int(struct.unpack("3i", client.getsockopt(*_PEER, 12))[0]) or None
        except OSError:
            return None


_PEER = (socket.SOL_SOCKET, socket.SO_PEERCRED)


def is_tmux(pid: int) -> bool:
    """Whether a tmux server with that pid is alive (its name is `tmux: server`)."""
    process = stat(pid)
    return process is not None and process.state not in "ZX" and process.comm.startswith("tmux")


def is_session_leader(pid: int) -> bool:
    """Whether a process is alive and leads its terminal session, as a pane's process does."""
    process = stat(pid)
    return process is not None and process.state not in "ZX" and process.session == pid


class Processes:
    """The live processes, without zombies, as of the first query."""

    @cached_property
    def _by_session(self) -> dict[int, list[Stat]]:
        found: dict[int, list[Stat]] = {}
        for pid in _pids():
            process = stat(pid)
            if process and process.state not in "ZX":
                found.setdefault(process.session, []).append(process)
        return found

    def below(self, session: int) -> list[Stat]:
        """The processes of a terminal session, without its leader."""
        return [process for process in self._by_session.get(session, ()) if process.pid != session]

    def stopped(self, session: int) -> list[Stat]:
        """The stopped processes of a terminal session, for instance after Ctrl-Z."""
        return [process for process in self._by_session.get(session, ()) if process.state == "T"]

    def members(self, group: int, session: int, mark: Mapping[str, str]) -> list[Stat]:
        """The processes of a prompt: those in its process group, and those of the terminal session
        that were started with the variables of `mark`, even if timeout(1) or job control has moved
        them to another group.  Never the session's leader.
        """
        return [
            process
            for process in self.below(session)
            if process.group == group or mark.items() <= environment(process.pid).items()
        ]


def send_signal(processes: Iterable[Stat], name: str) -> bool:
    """Signal the process groups; a process in its session leader's group is signaled alone.

    Continues stopped processes, so that they can act on the signal.  Returns whether any signal
    was sent.
    """
    sent = False
    for process in {p.group if p.group != p.session else -p.pid: p for p in processes}.values():
        own = process.group != process.session
        send, whom = (os.killpg, process.group) if own else (os.kill, process.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(whom, getattr(signal, f"SIG{name}"))
            send(whom, signal.SIGCONT)
            sent = True
    return sent

"""Kills and errors at a chosen system call, by strace(1)."""

import platform
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from harness.workplace import TMUX

# What a program does to the world
EFFECTS = (
    "openat", "rename", "renameat2", "link", "symlink", "unlink", "unlinkat", "mkdir", "rmdir",
    "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "fchmod", "chmod",
    "clone", "vfork", "execve", "kill", "connect", "sendto", "sendmsg", "flock", "exit_group",
)  # fmt: skip
# What changes nothing that is left when a process is killed
QUIET = {
    "close", "clone", "vfork", "execve", "flock", "fchmod", "chmod", "wait4", "fsync", "fdatasync",
}  # fmt: skip
_CALL = re.compile(r"(\d+) +(\w+)\((.*)")
_MAKES = re.compile(r"O_CREAT|O_TRUNC")
_IN_VAIN = re.compile(r"\) += -1 E")


T = TypeVar("T")


class Point(NamedTuple):
    """How often a process has made a call by then, and what it was called with."""

    call: str
    number: int
    arguments: str = ""

    def __str__(self) -> str:
        return f"{self.call} {self.number} ({self.arguments[:80]})"


def can_trace() -> bool:
    """Whether there is an strace that may trace, where system calls have these names."""
    if shutil.which("strace") is None or platform.machine() != "x86_64":
        return False
    return (
        subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode == 0
    )


# How what a program asks for can fail
ERRORS = {
    "openat": ("ENOSPC", "EACCES", "EMFILE", "EROFS", "EIO"),
    "mkdir": ("ENOSPC", "EROFS", "EACCES"),
    "rename": ("ENOSPC", "EROFS", "EACCES", "EIO"),
    "renameat2": ("ENOSPC", "EROFS", "EACCES", "EIO"),
    "unlink": ("EROFS", "EACCES", "EIO"),
    "unlinkat": ("EROFS", "EACCES", "EIO"),
    "rmdir": ("EROFS", "EACCES", "EIO"),
    "fchmod": ("EROFS", "EIO"),
    "write": ("ENOSPC", "EIO"),
    "pwrite64": ("ENOSPC", "EIO"),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO",),
    "clone": ("EAGAIN",),
    "clone3": ("EAGAIN",),
    "vfork": ("EAGAIN",),
    "pipe2": ("EMFILE",),
    "socket": ("EMFILE",),
    "connect": ("EACCES",),
}


def record(file: Path) -> list[str]:
    """What runs a command and writes its system calls to a file."""
    calls = ",".join({**dict.fromkeys((*EFFECTS, "close", "wait4")), **ERRORS})
    return ["strace", "-f", "--seccomp-bpf", "-o", str(file), "-e", f"trace={calls}"]


def points(file: Path, after: str = "", *, each: bool = False, reads: bool = False) -> list[Point]:
    """The moments of a recorded command that make a difference, in their order.

    Those count that come `after` a call in which that text stands: earlier it has done nothing.
    Unless `each` counts, of the pages that SQLite writes in a row the first, the second and the
    last do, and of what is QUIET nothing does: to die before it is to die before the next call.
    With `reads` it counts, too, that files are opened to be read.
    """
    times: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, int], Point | None] = {}
    at_work = not after
    for line in file.read_text(errors="replace").splitlines():
        if not (made := _CALL.match(line)):
            continue
        process, call, arguments = made.groups()
        at_work = at_work or (after in line and call != "execve")
        times[process, call] += 1
        key = call, times[process, call]
        makes = call != "openat" or reads or _MAKES.search(arguments)
        if key in found or _IN_VAIN.search(arguments) or not makes:
            found.setdefault(key, None)
            continue
        counts = at_work and (each or (call in EFFECTS and call not in QUIET))
        found[key] = Point(*key, arguments) if counts else None
    made_all = [point for point in found.values() if point]
    return made_all if each else list(without_pages(made_all))


def without_pages(found: Sequence[Point]) -> Iterator[Point]:
    """Of the pages that are written in a row only the first, the second and the last."""
    calls = ["", "", *(point.call for point in found), ""]
    for index, point in enumerate(found):
        before, after = calls[index : index + 2], calls[index + 3]
        if not (point.call == after == "pwrite64" and before == ["pwrite64"] * 2):
            yield point


def killed_at(point: tuple[str, int] | Point) -> list[str]:
    """What runs a command and kills whichever of its processes is the first to come there."""
    return _injected(point[0], f"signal=KILL:when={point[1]}")


def failing_at(point: Point, error: str, *, ever_after: bool = False) -> list[str]:
    """What runs a command in which a call fails, once in each process, or from then on."""
    return _injected(point.call, f"error={error}:when={point.number}{'+' if ever_after else ''}")


def _injected(call: str, what: str) -> list[str]:
    return ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{what}"]


def spread(found: Sequence[T], number: int) -> list[T]:
    """So many of the points, evenly."""
    return [found[len(found) * index // number] for index in range(min(number, len(found)))]


# Stands before the real tmux on the PATH.  What a client is about to do is known by what it is
# given; of each kind the first is number 1.
_CLIENT = """\
#!/bin/sh
kind=looks given=/dev/null
case "$*" in
*source-file*)
  given={place}/given.$$
  cat >"$given"
  grep -q 'paste-buffer\\|set-option\\|respawn-pane' "$given" && kind=acts ;;
*new-session*) kind=acts ;;
esac
number=1
until mkdir {place}/$kind.$number 2>/dev/null; do number=$((number + 1)); done
case $kind.$number in
{which}) {act} ;;
*) exec {tmux} "$@" <"$given" ;;
esac
"""


def client(place: Path, which: str, act: str) -> str:
    """A directory for the PATH, whose tmux does `act` for the clients that are called `which`.

    `which` is a pattern of sh: `acts.1`, `looks.2`.  `act` is a line of sh, in which TMUX is what
    the client does by itself, and NAME what it is called.
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    act = act.replace("TMUX", f'{TMUX} "$@" <"$given"').replace("NAME", "$kind.$number")
    file = place / "tmux"
    words = {"place": shlex.quote(str(place)), "tmux": TMUX, "which": which, "act": act}
    file.write_text(_CLIENT.format(**words))
    file.chmod(0o755)
    return str(place)

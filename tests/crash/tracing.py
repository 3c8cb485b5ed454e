"""Kills at a system call of one's choice, by strace(1)."""

import platform
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

# What a pass does to the world
CALLS = (
    "rename", "unlink", "unlinkat", "mkdir", "rmdir", "pwrite64", "fdatasync", "write", "close",
    "clone", "clone3", "wait4", "connect", "sendmsg",
)  # fmt: skip
Point = tuple[str, int]


def can_trace() -> bool:
    """Whether there is an strace that may trace, where system calls have these names."""
    if shutil.which("strace") is None or platform.machine() != "x86_64":
        return False
    return (
        subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode == 0
    )


def record(file: Path) -> list[str]:
    """What runs a command and writes its system calls to a file."""
    return [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-o",
        str(file),
        "-e",
        f"trace=flock,{','.join(CALLS)}",
    ]


def points(file: Path, calls: Iterable[str]) -> list[Point]:
    """The moments of a recorded command at which it can be killed, in their order.

    A moment is a call and how often a process has made it by then.  Of a pass only those count
    at which it has the lock; earlier it has done nothing.
    """
    times: Counter[tuple[str, str]] = Counter()
    found: dict[Point, bool] = {}
    at_work = "flock(" not in file.read_text()
    for line in file.read_text().splitlines():
        if call := re.match(r"(\d+) +(\w+)\(", line):
            at_work = at_work or call[2] == "flock"
            times[call[1], call[2]] += 1
            if call[2] in calls:
                found.setdefault((call[2], times[call[1], call[2]]), at_work)
    return [point for point, counts in found.items() if counts]


def killed_at(point: Point) -> list[str]:
    """What runs a command and kills whichever of its processes is the first to come there."""
    call, number = point
    inject = f"inject={call}:signal=KILL:when={number}"
    return ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]


def spread(found: Sequence[Point], number: int) -> list[Point]:
    """So many of the points, evenly."""
    return [found[len(found) * index // number] for index in range(min(number, len(found)))]

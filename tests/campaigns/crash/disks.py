#!/usr/bin/env python3
"""disks.py - a full disk and a read-only one, in a mount namespace of its own

The state directory is a small file system in memory.  It is filled until a pass fails somewhere, a
little later each time; then there is space again, and ordinary passes finish the open prompts.
Then it is mounted read-only between passes.  Needs root and unshare(1).

exit status: 0 nothing was lost, typed twice, stuck; 1 something was; 78 cannot make a namespace
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from campaigns.crash.book import ZERO
from campaigns.crash.quick import Quick
from campaigns.crash.worlds import Shells

INSIDE = "ASSIGNER_DISKS_INSIDE"
ROOMS = range(0, 160, 8)  # KiB


def mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True)


def fill(place: Path, left: int) -> Path:
    """Write a file that leaves `left` KiB free."""
    file = place / "filler"
    status = os.statvfs(place)
    size = status.f_bavail * status.f_bsize - left * 1024
    file.write_bytes(b"\0" * max(0, size))
    return file


def told(result: object, problems: list[str]) -> None:
    """Add the messages that a pass should not have printed to the problems."""
    status, err = result.status, result.err  # type: ignore[attr-defined]
    if status not in (0, 1, 75, 78) or "internal error" in err or err.count("\n") > 3:
        problems.append(f"{result}")


def run(work: Quick) -> tuple[dict[str, int], list[str]]:
    """Fill the disk and mount it read-only, pass after pass; the counts, and what went wrong."""
    problems: list[str] = []
    world = Shells(work)
    stopped = 0
    for room in ROOMS:
        world.queued()
        file = fill(work.state, room)
        for _ in range(2):
            result = work.tool("tick", "--settle", 5, status=None)
            told(result, problems)
            stopped += result.status != 0
        result = work.tool("send", "true", "--dry-run", status=None)
        told(result, problems)
        file.unlink()
        world.finish()
    for _ in range(4):
        world.queued()
        mount("-o", "remount,ro", str(work.state))
        for name in ("tick", "send"):
            result = work.tool(name, *(["x"] if name == "send" else []), status=None)
            told(result, problems)
            stopped += result.status != 0
        mount("-o", "remount,rw", str(work.state))
        world.finish()
    count = world.count()
    return {"points": len(ROOMS) + 4, "stopped": stopped, **count}, problems


def main() -> None:
    if INSIDE not in os.environ:
        command = ["unshare", "-m", sys.executable, __file__]
        done = subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False)
        raise SystemExit(done.returncode)
    place, begun = Path(tempfile.mkdtemp(prefix="assigner-disks-")), time.monotonic()
    with Quick(place) as work:
        work.state.mkdir(mode=0o700)
        try:
            mount("-t", "tmpfs", "-o", "size=1m,mode=0700", "none", str(work.state))
        except (OSError, subprocess.CalledProcessError):
            raise SystemExit(78) from None
        count, problems = run(work)
    for title, value in {**count, "seconds": round(time.monotonic() - begun)}.items():
        print(f"{title.replace('_', ' '):14}{value:6}")
    print(*problems, sep="\n", end="\n" * bool(problems), file=sys.stderr)
    raise SystemExit(bool(problems or any(count[name] for name in ZERO)))


if __name__ == "__main__":
    main()

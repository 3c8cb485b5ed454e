"""Run one check: `python -I -m assigner.outcomes.check_runner DIRECTORY`, in its own tmux window.

The check runner takes the token `go`, so that the command runs once however often this is called,
and runs the command with a time limit.  All processes that the command started, in the background
or not, end with it: the runner adopts those that lose their parent (PR_SET_CHILD_SUBREAPER,
prctl(2)).  It writes the end of the output to a file, and the result as the name of a report
(store/spool.py); the window shows both.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from assigner.system import processes

MARK = "ASSIGNER_CHECK"  # the variable that marks processes left over by a killed run
_SUBREAPER = 36  # linux/prctl.h
_POLL = 0.05
_PATIENCE = 5.0  # seconds to wait for killed processes: one inside a system call may stay
_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Run:
    """One check, its output so far, and the signal that was sent to end it."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.kept = bytearray()
        self.signal = 0
        self.reads, writes = os.pipe()
        os.set_blocking(self.reads, False)
        self.process = subprocess.Popen(
            ["/bin/sh", order["command"]],
            cwd=order["directory"],
            env={**os.environ, **order["variables"], MARK: order["mark"]},
            stdin=subprocess.DEVNULL,
            stdout=writes,
            stderr=writes,
            start_new_session=True,  # so that the command cannot ask a person in the window
        )
        os.close(writes)

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number

    def wait(self) -> tuple[str, int]:
        """How the check ended, and its exit status as a shell would show it."""
        until = time.monotonic() + self.order["seconds"]
        how = "exit"
        while self.process.poll() is None:
            self.read()
            if how == "exit" and (self.signal or time.monotonic() > until):
                how = "ended" if self.signal else "timeout"
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGTERM)
                until = time.monotonic() + self.order["grace"]
            elif how != "exit" and time.monotonic() > until:
                break
            time.sleep(_POLL)
        status = self.process.returncode
        self._end_all()
        self.read()
        if how == "ended":
            return how, 128 + self.signal
        if how == "timeout" or status is None:
            return how, 124
        return how, status if status >= 0 else 128 - status

    def read(self) -> None:
        """Read the output so far: at most the content of a full pipe, a few times."""
        for _ in range(64):
            try:
                data = os.read(self.reads, 65536)
            except BlockingIOError:
                return
            if not data:
                return
            self.kept += data
            if len(self.kept) > 4 * self.order["most"]:
                del self.kept[: -self.order["most"]]
            with contextlib.suppress(OSError):
                os.write(1, data)

    def _end_all(self) -> None:
        """Kill all processes that are left: orphans become children of this process."""
        until = time.monotonic() + _PATIENCE
        while children := processes.children(os.getpid()):
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(0.005)
            if time.monotonic() > until:
                return
            self.read()


def run(place: Path) -> None:
    """Run the check with these files, unless it was started or revoked before."""
    order = json.loads((place / "order").read_text(encoding="utf-8"))
    made: list[_Run] = []
    early: list[int] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        made[0].on_signal(number, frame) if made else early.append(number)

    for number in _HEARD:
        signal.signal(number, on_signal)
    import ctypes  # `checks` asks this module for MARK only

    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with contextlib.suppress(OSError):
        os.set_blocking(1, False)  # a window stopped with Ctrl-S must not block the check
    spool = order["spool"]
    try:
        (place / "go").rename(f"{spool}.checking.{os.getpid()}")
    except FileNotFoundError:
        return
    output = b""
    try:
        check = _Run(order)
        made.append(check)
        check.signal = early[0] if early else 0
        how, status = check.wait()
        output = bytes(check.kept[-order["most"] :])
    except OSError as error:
        how, status = "exit", 126
        output = f"cannot run it in '{order['directory']}': {error.strerror}\n".encode()
    with contextlib.suppress(OSError):  # on a full disk: the result is still reported
        (place / "output").write_bytes(output)
    (place / "ended").rename(f"{spool}.checked.{how}.{status}")


if __name__ == "__main__":
    try:
        run(Path(sys.argv[1]))
    except FileNotFoundError:  # the files were removed
        pass
    except OSError as error:  # no report: the next pass finds the outcome
        sys.exit(f"check_runner: '{error.filename}': {error.strerror}")

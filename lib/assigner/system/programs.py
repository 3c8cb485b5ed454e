"""Runs occasional programs: the system's (crontab, systemctl) and the user's."""

import contextlib
import io
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, cast

from assigner.errors import AssignerError

_PATIENCE = 60


class NotInstalled(Exception):
    """The PATH has no program of that name."""


@dataclass(frozen=True)
class Done:
    """The result of a program: exit status and output."""

    status: int
    out: bytes
    problem: str


def run(name: str, *arguments: str, given: bytes = b"") -> Done:
    """Run a program to its end, with messages in English.  Raises NotInstalled."""
    import sh  # 35 ms, so imported only if a program is run

    out, err = io.BytesIO(), io.BytesIO()
    try:
        command = sh.Command(name)(
            *arguments,
            _in=given, _out=out, _err=err, _env={**os.environ, "LC_ALL": "C"},
            _timeout=_PATIENCE, _tty_out=False, _return_cmd=True, _ok_code=list(range(256)),
        )  # fmt: skip
    except sh.CommandNotFound:
        raise NotInstalled(name) from None
    except (sh.SignalException, sh.TimeoutException):
        raise AssignerError(f"'{name} {' '.join(arguments)}' did not finish") from None
    problem = " ".join(err.getvalue().decode("utf-8", "backslashreplace").split())
    return Done(command.exit_code, out.getvalue(), problem or f"exit status {command.exit_code}")


def run_bare(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    directory: str = "/",
    given: bytes = b"",
    seconds: float = _PATIENCE,
) -> Done:
    """Run a program to its end in exactly this environment.

    Raises NotInstalled, and AssignerError if it does not finish within `seconds`.
    """
    try:
        done = subprocess.run(
            command, env=environment, cwd=directory, input=given, capture_output=True,
            timeout=seconds, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise NotInstalled(command[0]) from None
    except subprocess.TimeoutExpired:
        raise AssignerError(f"'{' '.join(command)}' did not finish in {seconds:g} s") from None
    problem = " ".join(done.stderr.decode("utf-8", "backslashreplace").split())
    return Done(done.returncode, done.stdout, problem or f"exit status {done.returncode}")


def bounded(command: Sequence[str], given: bytes, *, seconds: float, most: int) -> bytes:
    """Run a user's command with `given` as standard input; its output.

    Limits its time (`seconds`) and its output (`most` bytes), and kills every process that it has
    started.  AssignerError if it fails or exceeds a limit.
    """
    with tempfile.TemporaryFile() as standard_input:
        standard_input.write(given)
        standard_input.seek(0)
        with ended_in_order():  # from before it is started: a signal finds no gap
            process = subprocess.Popen(
                command,
                stdin=standard_input,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            try:
                out, err, problem = _read(process, time.monotonic() + seconds, most)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                with process:
                    process.wait()
    if problem == "time":
        raise AssignerError(f"the command did not finish within {seconds:g} s")
    if problem == "size":
        raise AssignerError(f"the command printed more than {most} bytes")
    if process.returncode:
        said = (err.strip() or out.strip()).decode("utf-8", "replace").splitlines()
        why = f": {said[-1]}" if said else ""
        status = process.returncode
        ended = f"signal {-status}" if status < 0 else f"exit status {status}"
        raise AssignerError(f"the command failed with {ended}{why}")
    return out


@contextlib.contextmanager
def ended_in_order() -> Iterator[None]:
    """Turn Ctrl-C and signals into SystemExit, so that the caller ends what it has started."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _read(
    process: "subprocess.Popen[bytes]", deadline: float, most: int
) -> tuple[bytes, bytes, str | None]:
    """Standard output, standard error, and the limit that was exceeded: time, size or None."""
    assert process.stdout and process.stderr
    texts = {process.stdout: b"", process.stderr: b""}
    with selectors.DefaultSelector() as selector:
        for stream in texts:
            selector.register(stream, selectors.EVENT_READ)
        problem = None
        while selector.get_map() and problem is None:
            left = deadline - time.monotonic()
            if left <= 0:
                problem = "time"
            for key, _ in selector.select(min(max(left, 0), 1)):
                stream = cast("IO[bytes]", key.fileobj)
                if data := os.read(key.fd, 65536):
                    kept = texts[stream] + data
                    texts[stream] = kept if stream is process.stdout else kept[-4096:]
                else:
                    selector.unregister(stream)
            if len(texts[process.stdout]) > most:
                problem = "size"
        if problem is None:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                problem = "time"
    return texts[process.stdout], texts[process.stderr], problem

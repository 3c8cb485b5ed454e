"""Run tools in forks of a Python that has loaded their modules: importing is most of their cost.

A tool is still a process of its own, and a child of the test: it has its own arguments,
environment, directory, umask and streams, and exits like any interpreter.  What happens before its
first line is skipped: a test that is about that starts its tools with `real` (Workplace.start).
"""

import atexit
import ctypes
import errno
import gc
import importlib
import json
import os
import pkgutil
import platform
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from inspect import signature
from pathlib import Path
from subprocess import PIPE
from types import ModuleType
from typing import Any

# Modules that the library imports only inside functions.
LATE = (
    "argcomplete", "dotenv", "filelock", "importlib.metadata", "sh", "sqlite_utils", "tabulate",
    "textwrap", "tomllib", "wcwidth",
)  # fmt: skip
# Variables that an interpreter reads when it starts, or a package when it is imported.
AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_", "COMP_", "_ARC", "COVERAGE")
# clone(2) without a stack is fork(2), except that the child becomes the caller's sibling.
CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine())
CLONE_PARENT, SIGCHLD = 0x8000, 17


class Forked(subprocess.Popen[str]):
    """A tool in a fork of the server; its caller uses it like any Popen."""

    def _execute_child(self, *given: Any) -> None:
        """Popen calls this once it has made its pipes: not public, but the same in 3.11 to 3.14."""
        asked = signature(super()._execute_child).bind(*given).arguments  # type: ignore[misc]
        streams = [asked[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        order = {
            "argv": [os.fspath(word) for word in asked["args"]],
            "cwd": os.fspath(asked["cwd"]),
            "environment": dict(asked["env"]),
            "umask": _umask(),
        }
        try:
            self.pid = _server().fork(order, streams)
            self._child_created = True
        finally:
            for stream in streams:
                os.close(stream)


def can_fork(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a tool behaves the same in a fork as in an interpreter of its own."""
    return (
        CLONE is not None
        and not os.environ.get("ASSIGNER_TEST_REAL")
        and not any(name.startswith(AT_START) for name in environment)
        and not any("\0" in text for text in (*words, *environment.values()))
    )


class _Server:
    """The process that forks; it ends when this one does."""

    def __init__(self) -> None:
        self._turn = threading.Lock()  # an answer carries no name: one order at a time
        self._socket, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(other.fileno())],
                pass_fds=[other.fileno()], env={"PATH": os.defpath}, cwd="/",
                stdin=PIPE, stdout=PIPE, stderr=PIPE,
            )  # fmt: skip

    def fork(self, order: dict[str, Any], streams: Sequence[int]) -> int:
        """Run a tool and return its pid; OSError as when a program cannot be started."""
        # in a file: an order may be larger than what a socket takes at once
        with open(os.memfd_create("order"), "wb") as file:
            file.write(json.dumps(order).encode())
            file.flush()
            with self._turn, suppress(ConnectionError):
                socket.send_fds(self._socket, [b"."], [file.fileno(), *streams])
                if answer := self._socket.recv(100):
                    number = int(answer)
                    if number < 0:
                        raise OSError(-number, os.strerror(-number), order["cwd"])
                    return number
        _, said = self._process.communicate(timeout=10)
        raise RuntimeError(f"the fork server ended ({self._process.returncode}): {said.decode()}")


_STARTING = threading.Lock()


def _server() -> _Server:
    """The only server of this process, whichever thread asks first."""
    with _STARTING:
        return _started()


@cache
def _started() -> _Server:
    return _Server()


def _umask() -> int:
    now = os.umask(0o22)
    os.umask(now)
    return now


def _preload() -> None:
    """Only import: what a module finds out when it is called, each tool has to find out itself."""
    assigner = importlib.import_module("assigner")
    for module in pkgutil.walk_packages(assigner.__path__, "assigner."):
        importlib.import_module(module.name)
    for name in LATE:
        with suppress(ImportError):
            importlib.import_module(name)


def _fork() -> int:
    """Like os.fork(), but the child is a child of this process's parent; -errno on failure."""
    kernel, python = ctypes.PyDLL(None, use_errno=True), ctypes.pythonapi
    python.PyOS_BeforeFork()
    pid = int(kernel.syscall(CLONE, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0))
    if pid == 0:
        python.PyOS_AfterFork_Child()
    else:
        python.PyOS_AfterFork_Parent()
    return pid if pid >= 0 else -(ctypes.get_errno() or errno.EAGAIN)


def _serve(orders: socket.socket) -> str | None:
    """Fork for each order.  Returns the tool in a child; None once the other end is closed."""
    added = {name: value for name, value in os.environ.items() if name != "PATH"}
    while True:
        try:
            message, descriptors, _, _ = socket.recv_fds(orders, 1, 4)
        except (KeyboardInterrupt, ConnectionError):
            return None
        if not message:
            return None
        file, *streams = descriptors
        with open(file, "rb") as text:
            text.seek(0)
            order = json.loads(text.read())
        try:
            os.chdir(order["cwd"])
            pid = _fork()
        except OSError as error:
            pid = -(error.errno or errno.EIO)
        if pid == 0:
            orders.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            for stream in streams:
                os.close(stream)
            _become(order, added)
            return str(order["argv"][1])
        for stream in streams:
            os.close(stream)
        orders.send(str(pid).encode())


def _become(order: dict[str, Any], added: Mapping[str, str]) -> None:
    """Turn this child into the process that the order describes, up to its tool's first line."""
    _, tool, *words = order["argv"]
    os.umask(order["umask"])
    os.environ.clear()
    os.environ.update({**order["environment"], **added})
    time.tzset()
    sys.argv, sys.orig_argv = [tool, *words], order["argv"]
    sys.path[0] = str(Path(tool).parent)
    # the streams are set up as after any start with three pipes, like the server's own


def _main(descriptor: int) -> None:
    """Serve; in a child, run its tool."""
    server, sys.path[0] = sys.modules["__main__"], ""  # a tool must not find the tests' modules
    _preload()
    gc.collect()
    gc.freeze()
    if (tool := _serve(socket.socket(fileno=descriptor))) is None:
        return
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__dict__.update(__file__=tool, __builtins__=server.__builtins__)
    try:
        exec(compile(Path(tool).read_bytes(), tool, "exec"), main.__dict__)
        _end(0)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        _end(end.code or 0)


def _end(status: int) -> None:
    """Exit as an interpreter does, but without tearing down all modules, which takes 20 ms."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status & 0xFF)


if __name__ == "__main__":
    _main(int(sys.argv[1]))

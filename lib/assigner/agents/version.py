"""The version of a running agent.

It is that of the process, not of what is installed by now: an agent may have been updated since it
was started.
"""

import json
import os
import re
from collections.abc import Sequence

from assigner.system import processes

_INTERPRETER = re.compile(r"(?:node|bun|deno|python|pypy)[\d.]*")
_IN_PATH = re.compile(r"(?:\A|[-/@_v])(\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?)(?=/|\Z)")
_MODULES = "/node_modules/"
_LARGEST = 1 << 20  # bytes


def of_process(pid: int) -> str | None:
    """The version of the program that a process runs; None if it is unknown.

    It stands in the program's path (.../versions/2.1.332), or in the package.json of a folder above
    the program (npm), unless that was written after the process was started.
    """
    started = processes.started(pid)
    program = processes.executable(pid) or ""
    if _INTERPRETER.fullmatch(os.path.basename(program)):
        words = [word for word in processes.arguments(pid)[1:] if not word.startswith("-")]
        program = words[0] if words else ""
    for path in dict.fromkeys((program, os.path.realpath(program))):
        if match := _IN_PATH.search(path):
            return match[1]
        if version := _of_package(path, started):
            return version
    return None


def is_newer(version: str, recorded: Sequence[str]) -> bool:
    """Whether a version is newer than all that were recorded; False if none was."""
    return bool(recorded) and numbers(version) > max(map(numbers, recorded))


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare it: `2.1.332` -> (2, 1, 332)."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("-")[0]))


def _of_package(path: str, started: float | None) -> str | None:
    """The version of the npm package to which a program belongs."""
    folder = os.path.dirname(path)
    while _MODULES in f"{folder}/":
        file = os.path.join(folder, "package.json")
        try:
            status = os.stat(file)
            if started is not None and status.st_ctime > started + 1:
                return None
            if status.st_size <= _LARGEST:
                with open(file, "rb") as opened:
                    version = json.load(opened).get("version")
                if isinstance(version, str) and numbers(version):
                    return version
        except (OSError, ValueError, AttributeError):
            pass  # a folder within the package
        folder = os.path.dirname(folder)
    return None

"""The tools in bin/: their names, manuals and parsers, without running a tool."""

import ast
import os
import runpy

from assigner.cli import runner
from assigner.system import resources

PLACE = resources.data("bin")

# How `assigner` and its manual page list the tools; every tool is in one group
GROUPS = {
    "queue": (
        "send", "queue", "status", "show", "prompts", "review", "report", "cancel", "retry",
        "reassign",
    ),
    "sessions": (
        "enroll", "sessions", "inspect", "pause", "resume", "context", "providers", "hooks", "hook",
    ),
    "passes": (
        "tick", "scan", "keepalive", "sync-context", "observe", "retry-failed", "assign-next",
        "deliver", "cleanup-stale",
    ),
    "goals": ("goals", "foundation-check"),
    "upkeep": ("doctor", "timers", "clear", "manual", "completion"),
}  # fmt: skip


def names() -> list[str]:
    """The names of all tools except `assigner` itself."""
    return sorted(
        entry.name
        for entry in os.scandir(PLACE)
        if entry.is_file() and entry.name.partition(".")[0] not in ("", "assigner")
    )


def manual(name: str) -> str:
    """A tool's manual, which begins `NAME - SUMMARY`: its docstring, or in sh its first comment."""
    return manual_in((PLACE / name).read_text(encoding="utf-8"))


def manual_in(source: str) -> str:
    """The manual that a tool's source begins with."""
    if "python" in source.partition("\n")[0]:
        return ast.get_docstring(ast.parse(source)) or ""
    lines = []
    for line in source.splitlines()[1:]:
        if not line.startswith("#"):
            break
        lines.append(line[1:].removeprefix(" "))
    return "\n".join(lines).strip()


def summary(name: str) -> str:
    """A tool's summary, one line."""
    return manual(name).partition("\n")[0].partition(" - ")[2]


def is_sh(name: str) -> bool:
    """Whether a tool is a script for sh: its callers cannot wait for Python, or have none."""
    with (PLACE / name).open(encoding="utf-8") as file:
        return "python" not in file.readline()


def parser(name: str) -> runner.Parser | None:
    """The parser of a tool; None for a script for sh."""
    if is_sh(name):
        return None
    with runner.parsers_only() as found:
        runpy.run_path(str(PLACE / name), run_name="__main__")
    return found[-1]

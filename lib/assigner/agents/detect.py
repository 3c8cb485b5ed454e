"""Detects which agent runs in a pane, from its foreground processes."""

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from assigner.agents import registry
from assigner.errors import SetupError
from assigner.system import processes

if TYPE_CHECKING:
    from assigner.agents.provider import Provider

_DEEP = 3  # levels: a wrapper may have started the agent: npx, a script, timeout
# These run their first argument: `node /usr/bin/codex`
_INTERPRETER = re.compile(r"(?:.*/)?(?:node|bun|deno|python[\d.]*|pypy[\d.]*|(?:ba|da|z)?sh)\Z")


def in_front(process: processes.Stat) -> str | None:
    """The agent in a foreground process or one of its descendants; None if there is none."""
    found = find(process)
    return found[0] if found else None


def find(process: processes.Stat) -> tuple[str, int] | None:
    """The agent in a foreground process or one of its descendants, with its process id; or None."""
    generation = [process.pid]
    for _ in range(_DEEP):
        for pid in generation:
            if agent := _agent_called(_program(processes.arguments(pid))):
                return agent, pid
        generation = [child for pid in generation for child in _behind(pid, process.group)]
    return None


def is_front(pid: int, pane_pid: int) -> bool:
    """Whether a process is the pane's foreground agent itself, not one that the agent started."""
    group = processes.front(pane_pid)
    generation = [group] if group else []
    for _ in range(_DEEP):
        if pid in generation:
            return True
        wrappers = [wrapper for wrapper in generation if not _is_bare(wrapper)]
        generation = [child for wrapper in wrappers for child in _behind(wrapper, group)]
    return False


def _is_bare(pid: int) -> bool:
    """Whether a process is an agent itself, not a wrapper that runs one."""
    return _agent_called("".join(processes.arguments(pid)[:1])) is not None


def _behind(pid: int, group: int | None) -> list[int]:
    """The children of a process in its own process group."""
    found = ((child, processes.stat(child)) for child in processes.children(pid))
    return [child for child, process in found if process and process.group == group]


def is_agent(provider: str | None) -> bool:
    """Whether an agent has that name.  Does not read its file, which may be broken."""
    return provider in registry.files()


def known(provider: str | None) -> "Provider | None":
    """The agent of that name; None for shells, one-shot commands and names without a file.

    Raises SetupError if the agent's file is not usable.
    """
    return registry.agent(provider) if provider is not None and is_agent(provider) else None


def usable(provider: str | None) -> "Provider | str":
    """The agent of that name, or the reason why it cannot be judged or typed to.

    Never raises, so that a pass continues with the other sessions.
    """
    try:
        return known(provider) or f"no agent is named '{provider}'"
    except SetupError as error:
        return str(error)


def _program(arguments: Sequence[str]) -> str:
    """The path of the program that a command line runs; '' if unknown."""
    if arguments and _INTERPRETER.match(arguments[0]):
        arguments = [word for word in arguments[1:] if not word.startswith("-")]
    return arguments[0] if arguments else ""


@cache
def _agent_called(word: str) -> str | None:
    for name, programs in registry.programs().items():
        if any(word == program or word.endswith(f"/{program}") for program in programs):
            return name
    return None

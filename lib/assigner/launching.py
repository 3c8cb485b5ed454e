"""Restarts an agent in the context of a prompt, by a generated file that ends in exec of the agent.

The command line and the environment are those of the agent process that runs now.  The prompt's
variables are added and are removed again for the next prompt.
"""

import json
import re
import shlex
import shutil
from collections.abc import Mapping

from assigner import files, hooking, posix, preparing, proc, sessions, trusting
from assigner.db import Row, Store
from assigner.errors import UsageError
from assigner.preparing import Problem
from assigner.recognising import Provider
from assigner.task import REPORTS, Task

# What tmux and a shell set themselves, and what an agent sets for its child processes
_NOT_KEPT = ("TMUX", "TMUX_PANE", "TERM", "PWD", "OLDPWD", "SHLVL", "_")
# Names that sh can export: sh would run any other name, such as an exported function's, as commands
_EXPORTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_NOT_KEPT_PREFIXES = ("CLAUDECODE", "CLAUDE_CODE_SESSION", "CLAUDE_CODE_CHILD", "ASSIGNER_")


def is_needed(attempt: Row, wanted: Task, here: str | None, branch: str | None) -> bool:
    """Whether the prompt's context requires a restart of the session's agent."""
    return bool(
        (wanted.physical and wanted.physical != here)
        or (wanted.branch and wanted.branch != branch)
        or wanted.variables != _exported(attempt)
        or wanted.prerequisites
        or attempt["worktree"]
    )


def write(store: Store, attempt: Row, provider: Provider, wanted: Task) -> str | Problem:
    """Write the file that prepares the context and then becomes the agent.  Returns its path."""
    tools = preparing.tools()
    if isinstance(tools, str):
        return Problem("tools", tools)
    front = proc.front(attempt["pane_pid"]) or attempt["pane_pid"]
    here = proc.directory(front) or "/"
    base = environment(store, attempt, front)
    if base is None:
        return Problem("env", "the environment of the agent is unknown")
    options = hooking.options(provider, store.settings)
    moved = wanted.physical is not None and wanted.physical != here
    place = wanted.physical if moved and wanted.physical else here
    argv = options.argv + trusting.trust(provider, json.loads(attempt["trusted"]), place, base)
    text = posix.launcher(
        wanted,
        tools,
        base | options.variables,
        command_line(provider, attempt, argv, resumed=not moved),
        back=here,
    )
    contents = dict.fromkeys((*REPORTS, "output"), "") | {"ctx": text}
    files.make_run(store.settings, attempt["id"], contents)
    return f"{wanted.run}/ctx"


def environment(store: Store, attempt: Row, front: int) -> dict[str, str] | None:
    """The environment that the agent was first started with, without the variables of prompts.

    Saves it for the next time.  None if it is unknown.
    """
    if attempt["environment"]:
        return kept(store, attempt)
    return keep(store, attempt["session"], front)


def kept(store: Store, session: Row) -> dict[str, str] | None:
    """The saved environment of a session's agent; None if there is none."""
    try:
        return files.load_secrets(store.settings, session["environment"] or "")
    except OSError:
        return None


def keep(store: Store, name: str, pid: int) -> dict[str, str] | None:
    """Save the environment of a process for a session; None if the system does not show it."""
    found = {
        name: value
        for name, value in proc.environment(pid).items()
        if _EXPORTED.match(name)
        and name not in _NOT_KEPT
        and not name.startswith(_NOT_KEPT_PREFIXES)
    }
    if not found:
        return None
    with store.transaction():
        file = files.save_secrets(store.settings, found)
        sessions.keep_environment(store, name, file)
    return found


def command_line(provider: Provider, session: Row, options: list[str], *, resumed: bool) -> str:
    """The sh command line that starts the agent of a session."""
    launch = provider.launch
    parts = [session["command"] or provider.start, *map(shlex.quote, options)]
    if session["auto_approve"] and launch.approve:
        parts.append(launch.approve)
    if resumed and session["resumes"] and session["conversation"] and launch.resume:
        parts.append(launch.resume.replace("{conversation}", shlex.quote(session["conversation"])))
    return " ".join(parts)


def running_line(pid: int) -> str:
    """The command line of a running agent, quoted for sh.  UsageError if it has none."""
    arguments = proc.arguments(pid)
    if not arguments or not shutil.which(arguments[0], path=proc.environment(pid).get("PATH")):
        raise UsageError("cannot read the command line of the running agent: give --command")
    return shlex.join(arguments)


def shell_line(pid: int) -> str:
    """The sh command line that restarts the shell of a pane.  UsageError if it is unknown."""
    arguments = proc.arguments(pid)
    if arguments and arguments[0].startswith("-"):  # login(1) and tmux name a login shell so
        return shlex.join([arguments[0][1:], "-l", *arguments[1:]])
    return running_line(pid)


def is_there(wanted: Task, pid: int) -> str | None:
    """Why a process does not run in the wanted context; None if it does."""
    if wanted.physical is not None and proc.directory(pid) != wanted.physical:
        return f"its directory is '{proc.directory(pid)}'"
    held = proc.environment(pid)
    missing = [name for name, value in wanted.variables.items() if held.get(name) != value]
    return f"'{missing[0]}' does not have the wanted value" if missing else None


def _exported(attempt: Row) -> Mapping[str, str | None]:
    found: dict[str, str | None] = json.loads(attempt["session_env"])
    return found

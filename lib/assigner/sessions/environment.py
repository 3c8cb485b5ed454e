"""Saves the environment with which an agent was first started, to restart it with the same one."""

import re

from assigner.queue import sessions
from assigner.store import secrets
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt
from assigner.system import processes

# What tmux and a shell set themselves, and what an agent sets for its child processes
_NOT_KEPT = ("TMUX", "TMUX_PANE", "TERM", "PWD", "OLDPWD", "SHLVL", "_")
# Names that sh can export: sh would run any other name, such as an exported function's, as commands
_EXPORTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_NOT_KEPT_PREFIXES = ("CLAUDECODE", "CLAUDE_CODE_SESSION", "CLAUDE_CODE_CHILD", "ASSIGNER_")


def environment(store: Store, attempt: LiveAttempt, front: int) -> dict[str, str] | None:
    """The environment with which the agent was first started, without the variables of prompts.

    Saves it for the next restart.  `front` is the agent's pid.  None if the environment is unknown.
    """
    if attempt["environment_file"]:
        return kept(store, attempt["environment_file"])
    return keep(store, attempt["session"], front)


def kept(store: Store, file: str | None) -> dict[str, str] | None:
    """The environment of an agent that was saved in that file; None if there is none."""
    try:
        return secrets.load_secrets(store.settings, file or "")
    except OSError:
        return None


def keep(store: Store, name: str, pid: int) -> dict[str, str] | None:
    """Save the environment of a process for a session; None if the system does not show it."""
    found = {
        name: value
        for name, value in processes.environment(pid).items()
        if _EXPORTED.match(name)
        and name not in _NOT_KEPT
        and not name.startswith(_NOT_KEPT_PREFIXES)
    }
    if not found:
        return None
    with store.transaction():
        file = secrets.save_secrets(store.settings, found)
        sessions.keep_environment(store, name, file)
    return found

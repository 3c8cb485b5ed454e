"""Makes an agent trust the directories that the user enrolled with its session.

The agent then does not ask about them when it starts.  Other questions are left to the user.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from assigner.agents.hooks import codex_trust, config_files, json_edit
from assigner.agents.provider import Provider
from assigner.errors import SetupError, UsageError


def check(provider: Provider, directories: Sequence[str]) -> None:
    """Raise UsageError if this agent cannot be made to trust these directories."""
    if directories and not provider.launch.trusts:
        raise UsageError(f"cannot set which directories {provider.name} trusts: leave out --trust")
    for directory in directories:
        if not os.path.isdir(directory):
            raise UsageError(f"--trust needs a directory: '{directory}' is not one")
        if not directory.isprintable():
            raise UsageError(f"cannot write this path to a configuration file: {directory!a}")


def covers(directories: Sequence[str], directory: str) -> bool:
    """Whether a directory, with symlinks resolved, is one of `directories` or below one."""
    real = os.path.realpath(directory)
    return any(f"{real}/".startswith(place.rstrip("/") + "/") for place in directories)


def trust(
    provider: Provider, trusted: Sequence[str], directory: str, variables: Mapping[str, str]
) -> list[str]:
    """Make an agent that starts in `directory` trust it, if `trusted` covers it.

    The agent finds its configuration by `variables`.  Returns the words to add to its command
    line.  Raises SetupError if the agent's configuration file is not usable.
    """
    launch = provider.launch
    if not covers(trusted, directory):
        return []
    real = os.path.realpath(directory)
    if launch.trust_file:
        _write(provider, real, variables)
    text = codex_trust.value(real)
    return [word.replace("{directory}", text) for word in shlex.split(launch.trust)]


def _write(provider: Provider, directory: str, variables: Mapping[str, str]) -> None:
    launch = provider.launch
    home = variables.get(launch.trust_home) or variables.get("HOME") or ""
    if not home.startswith("/"):
        raise SetupError(f"neither HOME nor {launch.trust_home} is an absolute path")
    path = Path(home) / launch.trust_file
    keys = [part.replace("{directory}", directory) for part in launch.trust_key.split("/")]
    before = config_files.read(path)
    try:
        after = json_edit.put(before or "", keys, True)
    except ValueError as error:
        raise SetupError(f"'{path}' has unexpected content: {error}") from None
    if after == before:
        return
    target = config_files.target(path, Path(home))
    try:
        if config_files.read(path) != before:
            raise SetupError(f"'{path}' was changed just now: try again")
        config_files.write(target, after)
    except OSError as error:
        raise SetupError(f"cannot write '{path}': {error.strerror}") from None

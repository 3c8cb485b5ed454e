"""Directories that a person has enrolled with a session are trusted, as its agent itself keeps it.

So it does not ask for them when it starts; whatever else it asks is a person's to answer.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from assigner import editing, hooktrust, jsontext
from assigner.errors import SetupError, UsageError
from assigner.recognising import Provider


def check(provider: Provider, directories: Sequence[str]) -> None:
    """Refuse what cannot be trusted.  UsageError."""
    if directories and not provider.launch.trusts:
        raise UsageError(f"{provider.name} is not told what to trust: leave out --trust")
    for directory in directories:
        if not os.path.isdir(directory):
            raise UsageError(f"--trust needs a directory, and '{directory}' is none")
        if not directory.isprintable():
            raise UsageError(f"a path has what no configuration can hold: {directory!a}")


def covers(directories: Sequence[str], directory: str) -> bool:
    """Whether a directory, its symbolic links resolved, is one of those, or below one."""
    real = os.path.realpath(directory)
    return any(f"{real}/".startswith(place.rstrip("/") + "/") for place in directories)


def settle(
    provider: Provider, trusted: Sequence[str], directory: str, variables: Mapping[str, str]
) -> list[str]:
    """Have an agent that starts in a directory trust that, if it is among the `trusted`.

    With those `variables` it finds its configuration.  What has to be added to its command line.
    SetupError where its own file cannot be used.
    """
    launch = provider.launch
    if not covers(trusted, directory):
        return []
    real = os.path.realpath(directory)
    if launch.trust_file:
        _write(provider, real, variables)
    text = hooktrust.value(real)
    return [word.replace("{directory}", text) for word in shlex.split(launch.trust)]


def _write(provider: Provider, directory: str, variables: Mapping[str, str]) -> None:
    launch = provider.launch
    home = variables.get(launch.trust_home) or variables.get("HOME") or ""
    if not home.startswith("/"):
        raise SetupError(f"neither HOME nor {launch.trust_home} is an absolute path")
    path = Path(home) / launch.trust_file
    keys = [part.replace("{directory}", directory) for part in launch.trust_key.split("/")]
    before = editing.read(path)
    try:
        after = jsontext.put(before or "", keys, True)
    except ValueError as error:
        raise SetupError(f"'{path}' is not as expected: {error}") from None
    if after == before:
        return
    target = editing.target(path, Path(home))
    try:
        if editing.read(path) != before:
            raise SetupError(f"'{path}' was changed just now: try again")
        editing.write(target, after)
    except OSError as error:
        raise SetupError(f"cannot write '{path}': {error.strerror}") from None

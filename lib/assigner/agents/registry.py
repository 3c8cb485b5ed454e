"""The providers: what can run in a session.

shell     the prompt is a script for the session's own shell (bash, zsh, fish, dash)
command   a one-shot command, run in the session's shell, reads the prompt on standard input

Agents are data: each has a file of rules, `providers/NAME.toml` here or in
`$XDG_CONFIG_HOME/assigner/providers`; the user's file wins.
"""

import contextlib
import errno
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assigner import config
from assigner.errors import SetupError
from assigner.system import user_config

if TYPE_CHECKING:
    from assigner.agents.oneshot import Once
    from assigner.agents.provider import Provider


# The providers that are not agents
KNOWN = ("shell", "command")
# Descriptions of the providers without a file
PLAIN = {"shell": "the session's own shell", "command": "a command line in the session's shell"}

_BUILT_IN = Path(__file__).with_name("providers")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")


@cache
def agent(name: str) -> "Provider":
    """The agent of that name.  SetupError names the file and key, or the known agents."""
    path = files().get(name)
    if path is None:
        raise SetupError(f"no agent is named '{name}' (known: {', '.join(files())})")
    from assigner.agents import provider_file

    origin = "built in" if path.parent == _BUILT_IN else str(path)
    return provider_file.Reader(path).provider(name, origin, table(name))


def table(name: str) -> dict[str, Any]:
    """The content of a known agent's file.  SetupError if the file cannot be used."""
    path = files()[name]
    return user_config.table(path, text(path))


def agents(unusable: list[SetupError] | None = None) -> "Mapping[str, Provider]":
    """All agents by name.  Raises SetupError that names the file and the key.  If `unusable` is
    given, adds the errors to it instead and leaves those agents out.
    """
    found = {}
    for name in files():
        try:
            found[name] = agent(name)
        except SetupError as error:
            if unusable is None:
                raise
            unusable.append(error)
    return found


@cache
def programs() -> Mapping[str, tuple[str, ...]]:
    """The endings of each agent's program paths, for a small part of the cost of `agents`.

    Leaves out an agent whose file is broken; `agent` reports what is wrong with it.
    """
    from assigner.agents import provider  # 8 ms, which shells do without

    found = {}
    for name, path in files().items():
        with contextlib.suppress(SetupError):
            head = text(path).partition("\n[")[0]  # 'programs' and 'start' come before all tables
            try:
                found[name] = provider.programs(user_config.table(path, head))
            except (SetupError, TypeError):  # a string contains "\n[", or the file is broken
                found[name] = agent(name).programs
    return found


def names() -> list[str]:
    """The names of all providers."""
    return [*KNOWN, *files()]


def once(command: str | None) -> "tuple[str, Once] | None":
    """The agent whose one-shot mode a command line uses, and its [once] table; None for others.

    Raises SetupError if the file of that agent is broken, and ignores other broken files.
    """
    if not command:
        return None
    from assigner.agents import oneshot

    words = re.split(r"[\s/'\"]+", command)
    for name in files():
        try:
            found = agent(name).once
        except SetupError:
            if name in words:
                raise
            continue
        if found and oneshot.is_one(found, command):
            return name, found
    return None


def check_usable(name: str | None) -> None:
    """Raise SetupError if the user's own file for that provider is broken."""
    path = files().get(name or "")
    if path is not None and path.parent != _BUILT_IN:
        agent(path.stem)


def check_preferred(settings: config.Settings) -> None:
    """Raise SetupError if the preferred provider does not exist."""
    if settings.preferred_provider not in (None, *names()):
        raise SetupError(
            f"ASSIGNER_PREFERRED_PROVIDER is unknown: '{settings.preferred_provider}'"
            f" (known: {', '.join(names())})"
        )


@cache
def files() -> Mapping[str, Path]:
    """The file of each agent, by name."""
    files = {path.stem: path for path in (*_BUILT_IN.glob("*.toml"), *_own())}
    return dict(sorted(files.items()))


def _own() -> list[Path]:
    """The user's own provider files."""
    found = user_config.own_tables("providers")
    for path in found:
        if path.stem in KNOWN or not _NAME.match(path.stem):
            raise SetupError(
                f"'{path}': '{path.stem}' cannot be an agent's name: lower-case letters, digits,"
                f" '-' and '_', and not {' or '.join(KNOWN)}"
            )
    return found


def text(path: Path) -> str:
    """The text of an agent's file.  SetupError if the file cannot be used."""
    found = user_config.trusted_text(path, built_in=path.parent == _BUILT_IN)
    if found is None:
        raise SetupError(f"cannot read '{path}': {os.strerror(errno.ENOENT)}")
    return found

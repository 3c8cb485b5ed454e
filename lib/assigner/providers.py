"""What may run in a session.

shell     the prompt is a script for the session's own shell (bash, zsh, fish, dash)
command   a one-shot command, run in the session's shell, reads the prompt on standard input

Agents are data: a file of rules for each, `providers/NAME.toml` here and in
`$XDG_CONFIG_HOME/assigner/providers`; a person's own file wins.
"""

import contextlib
import errno
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from assigner import config, naming
from assigner.errors import SetupError

if TYPE_CHECKING:  # only who asks for an agent pays
    from assigner.oneshots import Once
    from assigner.recognising import Provider

# Those that are no agents
KNOWN = ("shell", "command")
# How those are started that have no file
PLAIN = {"shell": "the session's own shell", "command": "a command line in the session's shell"}

_BUILT_IN = Path(__file__).with_name("providers")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")


@cache
def agent(name: str) -> "Provider":
    """One of the agents.  Raises SetupError that names the file and the key, or the known ones."""
    path = files().get(name)
    if path is None:
        raise SetupError(f"no agent is named '{name}' (known: {', '.join(files())})")
    from assigner import describing

    origin = "built in" if path.parent == _BUILT_IN else str(path)
    return describing.Reader(path).provider(name, origin, config.table(path, _text(path)))


def agents(unusable: list[SetupError] | None = None) -> "Mapping[str, Provider]":
    """All agents by name.  Raises SetupError that names the file and the key; where `unusable` is
    given, that is put there instead, and such an agent is left out.
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
    """How the paths of each agent's programs end, at a small part of the cost of `agents`.

    What is wrong with one file keeps nobody from the others: `agent` says it.
    """
    found = {}
    for name, path in files().items():
        with contextlib.suppress(SetupError):
            head = _text(path).partition("\n[")[0]  # such keys come before all tables
            try:
                found[name] = naming.programs(config.table(path, head))
            except (SetupError, TypeError):  # a bracket in a text, or something is wrong
                found[name] = agent(name).programs
    return found


def names() -> list[str]:
    """All that may run in a session."""
    return [*KNOWN, *files()]


def once(command: str | None) -> "tuple[str, Once] | None":
    """The agent whose one-shot mode a command line is, and how that is used.

    SetupError where it names an agent whose file cannot be used; what is wrong with the others is
    of no concern.
    """
    if not command:
        return None
    from assigner import oneshots

    words = re.split(r"[\s/'\"]+", command)
    for name in files():
        try:
            found = agent(name).once
        except SetupError:
            if name in words:
                raise
            continue
        if found and oneshots.is_one(found, command):
            return name, found
    return None


def check_usable(name: str | None) -> None:
    """SetupError where a person's own file for that provider cannot be used."""
    path = files().get(name or "")
    if path is not None and path.parent != _BUILT_IN:
        agent(path.stem)


def check_preferred(settings: config.Settings) -> None:
    """SetupError where the preferred provider is none."""
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
    """A person's own files."""
    found = config.own_tables("providers")
    for path in found:
        if path.stem in KNOWN or not _NAME.match(path.stem):
            raise SetupError(
                f"'{path}': '{path.stem}' cannot be an agent's name: lower-case letters, digits,"
                f" '-' and '_', and not {' or '.join(KNOWN)}"
            )
    return found


def _text(path: Path) -> str:
    text = config.trusted_text(path, built_in=path.parent == _BUILT_IN)
    if text is None:
        raise SetupError(f"cannot read '{path}': {os.strerror(errno.ENOENT)}")
    return text

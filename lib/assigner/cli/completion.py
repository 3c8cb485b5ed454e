"""Shell completion: `assigner` answers a shell's question, through argcomplete.

The shell's function sets _ARGCOMPLETE, COMP_LINE and COMP_POINT and calls `assigner`, which
answers on descriptor 8.  The answer comes from the tools' own parsers and, for values, from the
database; completion runs no tool, creates no file and waits for no lock.
"""

import argparse
import contextlib
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from assigner import config, states
from assigner.agents import registry as agents_registry
from assigner.cli import output, registry
from assigner.errors import SetupError
from assigner.system import terminal_text

SHELLS = ("bash", "zsh", "fish")

# Completions, each with its description
Found = Iterator[tuple[str, str]]
Answer = Mapping[str, str]

# `assigner` at the beginning of a command, maybe after assignments, sudo and the like
_COMMAND = re.compile(r"(?:^|[;&|(\n])[^;&|()\n'\"]*?(?<![^\s/;&|(])(?=assigner\s)")
# A path that every shell reads as one word
_PLAIN = re.compile(r"[\w./+@-]+\Z", re.ASCII)


def script(shell: str) -> str:
    """The script that lets a shell complete the arguments of `assigner`."""
    from argcomplete.shell_integration import shellcode

    own = Path(sys.executable).with_name("assigner")
    program = str(own) if own.exists() else shutil.which("assigner") or ""
    # By its path: people who call it by an alias need not have it on the PATH
    called = program if _PLAIN.match(program) else None
    return shellcode(["assigner"], shell=shell, argcomplete_script=called)


def answer() -> NoReturn:
    """Answer the shell, and exit."""
    from argcomplete import autocomplete
    from argcomplete.completers import SuppressCompleter
    from argcomplete.lexers import split_line

    line, point = os.environ.get("COMP_LINE", ""), os.environ.get("COMP_POINT", "")
    line = _command(line[: int(point)] if point.isdecimal() else line)
    os.environ |= {"COMP_LINE": line, "COMP_POINT": str(len(line))}
    with contextlib.suppress(Exception):  # an error message would garble the line being typed
        words = split_line(line)[3]
        name = words[1] if len(words) > 1 else ""
        own = registry.parser(name) if name in registry.names() else None
        actions = own._actions if own else []
        # Offer options unasked only where there is no value to offer
        values = any(not a.option_strings and (a.choices or _values(name, a)) for a in actions)
        autocomplete(
            _parser(name, own),
            always_complete_options=False if values else "long",
            exclude=[older for action in actions for older in _long(action)[1:]],
            default_completer=SuppressCompleter(),
        )
    os._exit(1)


def _long(action: argparse.Action) -> list[str]:
    """An action's long options; after the first come older spellings."""
    return [option for option in action.option_strings if option.startswith("--")]


def _command(line: str) -> str:
    """The command being typed: zsh passes its whole line, with earlier commands."""
    begin = 0
    for match in _COMMAND.finditer(line):
        before = line[: match.end()]
        if before.count("'") % 2 == before.count('"') % 2 == 0:
            begin = match.end()
    return line[begin:]


def _parser(name: str, own: argparse.ArgumentParser | None) -> argparse.ArgumentParser:
    """The parser of `assigner`: all tools by name, the given one with its arguments."""
    made = argparse.ArgumentParser(prog="assigner", add_help=False)
    chosen = made.add_subparsers()
    for tool in registry.names():
        what = registry.summary(tool).replace("%", "%%")
        parents = [own] if own and tool == name else []
        sub = chosen.add_parser(tool, help=what, parents=parents, add_help=False)
        for action in sub._actions:
            if action.choices is None and (values := _values(tool, action)):
                action.completer = values  # type: ignore[attr-defined]
    helped = chosen.add_parser("help", help="print a tool's manual", add_help=False)
    helped.add_argument("tool", choices=registry.names())
    return made


def _values(tool: str, action: argparse.Action) -> Callable[..., Any] | None:
    """The completer of an option's value or a positional argument, chosen by its name."""
    from argcomplete.completers import ChoicesCompleter, DirectoriesCompleter, FilesCompleter

    match action.dest, action.metavar:
        case (("tag" | "tags"), _):
            return _asked(_tags)
        case _, ("SESSION" | "NAME"):
            return _asked(_sessions)
        case _, "ID":
            return _asked(_prompts, _STATUSES.get(tool, states.PROMPT_STATUSES))
        case _, "B":
            return _asked(_branches)
        case _, "P":
            return ChoicesCompleter(dict.fromkeys(agents_registry.names(), ""))
        case _, "DIR":
            return DirectoriesCompleter()
        case _, ("FILE" | "F"):
            return FilesCompleter()
    return None


# The statuses of prompts that a tool acts on, if not on all
_STATUSES: Mapping[str, tuple[str, ...]] = {
    "cancel": (*states.OPEN, "failed"),
    "retry": ("failed", "cancelled"),
    "review": ("completed",),
    "send": states.OPEN,
}


def _asked(find: Callable[..., Found], *how: Any) -> Callable[..., Answer]:
    """Run `find` on the database; no answer if that is missing, old or busy."""

    def answered(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> Answer:
        try:
            path = config.load(getattr(parsed_args, "db", None)).database
            uri = f"{path.as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=0.2)) as connection:
                found = {
                    value: output.excerpt(what)
                    for value, what in find(connection, *how)
                    if value.startswith(prefix) and terminal_text.visible(value) == value
                }
        except (SetupError, sqlite3.Error):
            return {}
        return found

    return answered


def _sessions(connection: sqlite3.Connection) -> Found:
    yield from connection.execute(
        "SELECT name, status || coalesce(' in ' || current_dir, '') FROM sessions"
        " WHERE status <> 'offline' OR enrolled = 1 ORDER BY name"
    )


def _prompts(
    connection: sqlite3.Connection, statuses: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """The newest prompts."""
    places = ", ".join("?" * len(statuses))
    yield from connection.execute(
        "SELECT CAST(id AS TEXT), status || ': ' || substr(content, 1, 200) FROM prompts"  # noqa: S608 - places
        f" WHERE status IN ({places}) ORDER BY id DESC LIMIT 50",
        statuses,
    )


def _branches(connection: sqlite3.Connection) -> Found:
    yield from connection.execute(
        "SELECT DISTINCT git_branch, '' FROM sessions WHERE git_branch IS NOT NULL"
    )


def _tags(connection: sqlite3.Connection) -> Found:
    """The tags of the newest prompts."""
    yield from connection.execute(
        "SELECT DISTINCT value, '' FROM (SELECT tags FROM prompts ORDER BY id DESC LIMIT 1000),"
        " json_each(tags)"
    )

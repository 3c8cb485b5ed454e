"""The [hooks] table of a provider file: where its hooks are installed and what they report.

A path such as `tool_input.command` leads to a value within a report; `0` is the first element of
a list.  If there are several paths, the first one that leads to a value counts.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from assigner.errors import SetupError

KINDS = ("start", "prompt", "ask", "answered", "done", "failed", "idle", "end")
FAILURES = ("api", "auth", "context", "limited", "interrupted")
FORMATS = ("settings", "hooks", "plugin")

Paths = tuple[str, ...]
Fail = Callable[[str, str], SetupError]


@dataclass(frozen=True)
class Place:
    """Where an agent looks for hooks.

    `format` is `settings` (hooks are part of a settings file), `hooks` (a separate file whose hooks
    the user trusts one by one) or `plugin` (a program).  `file` is relative to the directory that
    the environment variable `variable` names, or else to `default` in HOME.  `events` lists the
    events to subscribe to; `timeout` is in seconds.
    """

    format: str
    variable: str
    default: str
    file: str
    events: Paths = ()
    timeout: int = 10


@dataclass(frozen=True)
class Hooks:
    """What the reports of an agent mean.

    `events` maps an event to its kind; a key `EVENT VALUE` applies if a path in `variant` leads to
    that value.  A `retry` is a failure only if a limit makes it wait for long.  `foreign`: paths
    that lead to a value only in reports about other turns than the session's own; `of_title`: an
    expression that matches the prompts of such turns; `of_tasks`: one that matches the prompts
    that report the results of the agent's own background tasks.  `failures` maps an error to its
    failure class; `phrases` maps a class to an expression for the error text, used if the error
    is unknown or only says `api`.
    """

    place: Place
    events: Mapping[str, str]
    conversation: Paths = ()
    turn: Paths = ()
    directory: Paths = ()
    transcript: Paths = ()
    background: Paths = ()
    error: Paths = ()
    variant: Paths = ()
    foreign: Paths = ()
    prompts: Paths = ()
    of_title: re.Pattern[str] | None = None
    of_tasks: re.Pattern[str] | None = None
    reset: re.Pattern[str] | None = None
    text: Mapping[str, Paths] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    phrases: Mapping[str, re.Pattern[str]] = field(default_factory=dict)


def read(table: Mapping[str, Any], fail: Fail) -> Hooks:
    """The hooks that a provider file's table describes; `fail` makes an error of key and text."""
    return _Reader(fail).hooks(table)


class _Reader:
    def __init__(self, fail: Fail) -> None:
        self.fail = fail

    def hooks(self, table: Mapping[str, Any]) -> Hooks:
        self.known("'hooks'", table, Hooks)
        for key in ("place", "events"):
            if not table.get(key):
                raise self.fail(f"'hooks.{key}'", "is missing or empty")
        read: dict[str, Any] = {}
        for key, value in table.items():
            where = f"'hooks.{key}'"
            if key == "place":
                read[key] = self.place(where, value)
            elif key in ("of_title", "of_tasks", "reset"):
                read[key] = self.pattern(where, value)
            elif key == "events":
                read[key] = self.words(where, value, (*KINDS, "retry"))
            elif key == "failures":
                read[key] = self.words(where, value, FAILURES)
            elif key == "text":
                named = self.named(where, value, KINDS)
                read[key] = {kind: self.paths(where, paths) for kind, paths in named.items()}
            elif key == "phrases":
                named = self.named(where, value, FAILURES)
                read[key] = {name: self.pattern(where, text) for name, text in named.items()}
            else:
                read[key] = self.paths(where, value)
        return Hooks(**read)

    def place(self, where: str, value: object) -> Place:
        table = self.table(where, value)
        self.known(where, table, Place)
        for key in ("format", "variable", "default", "file"):
            if not isinstance(table.get(key), str) or not table[key]:
                raise self.fail(where, f"'{key}' is missing or not a string")
        if table["format"] not in FORMATS:
            raise self.fail(
                where, f"'format' is not one of {', '.join(FORMATS)}: '{table['format']}'"
            )
        timeout = table.get("timeout", 1)
        if type(timeout) is not int or not 0 < timeout <= 600:
            raise self.fail(where, "'timeout' is not a number of seconds from 1 to 600")
        return Place(**{**table, "events": self.paths(where, table.get("events", []))})

    def known(self, where: str, table: Mapping[str, Any], kind: type) -> None:
        names = [field.name for field in fields(kind)]
        for key in table:
            if key not in names:
                raise self.fail(f"{where} '{key}'", f"is not a key (known: {', '.join(names)})")

    def table(self, where: str, value: object) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.fail(where, "is not a table")
        return value

    def named(self, where: str, value: object, names: tuple[str, ...]) -> Mapping[str, Any]:
        table = self.table(where, value)
        for key in table:
            if key not in names:
                raise self.fail(where, f"'{key}' is not one of {', '.join(names)}")
        return table

    def words(self, where: str, value: object, allowed: tuple[str, ...]) -> Mapping[str, str]:
        table = self.table(where, value)
        for key, word in table.items():
            if word not in allowed:
                raise self.fail(where, f"'{key}' is not one of {', '.join(allowed)}: '{word}'")
        return table

    def paths(self, where: str, value: object) -> Paths:
        if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
            raise self.fail(where, "is not a list of strings")
        return tuple(value)

    def pattern(self, where: str, value: object) -> re.Pattern[str]:
        if not isinstance(value, str):
            raise self.fail(where, "is not a string")
        try:
            return re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise self.fail(where, f"is not a regular expression: {error}") from None

"""Reads an agent's provider file and reports what is wrong with it by file and key."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from assigner.agents import composer, hook_rules, oneshot
from assigner.agents import provider as agents_provider
from assigner.agents import version as agents_version
from assigner.agents.provider import COUNTS, Failure, Launch, Manner, Provider, Rule
from assigner.errors import SetupError
from assigner.states import SESSION_STATUSES
from assigner.system import terminal_text

_KEYS = {
    "start": str,
    "programs": list,
    "commands": list,
    "continues": bool,
    "recorded": list,
    "outage": str,
    "logged_in": str,
    "message": str,
    "composer": dict,
    "rules": list,
    "typing": dict,
    "launch": dict,
    "failures": list,
    "hooks": dict,
    "transcript": dict,
    "once": dict,
    "trial": dict,  # trial/setup.py reads it: passes do without
}
_FAILURES = ("api", "auth", "context", "interrupted", "limited")
_STATES = ("empty", "draft", "unclear", "none")
_RULE_STATUSES = tuple(status for status in SESSION_STATUSES if status != "unknown")


class Reader:
    """Turns the TOML table of a file into a Provider.  SetupError names the file and the key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, key: str, what: str) -> SetupError:
        return SetupError(f"'{self.path}': {key} {what}")

    def provider(self, name: str, origin: str, table: Mapping[str, Any]) -> Provider:
        for key, value in table.items():
            if key not in _KEYS:
                raise self.fail(f"'{key}'", f"is not a key (known: {', '.join(_KEYS)})")
            self.typed(f"'{key}'", value, _KEYS[key])
        screen = ("start", "commands", "rules")
        if "once" not in table or any(key in table for key in screen):
            for key in screen:
                if not table.get(key):
                    raise self.fail(f"'{key}'", "is missing or empty")
        message = table.get("message")
        shape = table.get("composer")
        rules: list[Rule] = []
        for number, rule in enumerate(table.get("rules", []), 1):
            read = self.rule(f"'rules' {number}", rule)
            if read.name in [known.name for known in rules]:
                raise self.fail(f"'rules' {number}", f"repeats the name of a rule: '{read.name}'")
            if read.composer not in (None, "none") and shape is None:
                raise self.fail(f"'rules' {number}", "needs a 'composer' table in this file")
            if read.mark is not None and shape is None:
                raise self.fail(f"'rules' {number} 'mark'", "needs a 'composer' table in this file")
            if read.message is not None and message is None:
                raise self.fail(f"'rules' {number} 'message'", "needs 'message' at the top level")
            rules.append(read)
        return Provider(
            name,
            origin,
            table.get("start", ""),
            self.programs(table),
            self.commands(table),
            self.pattern("'message'", message) if message is not None else None,
            self.shape(shape) if shape is not None else None,
            tuple(rules),
            tuple(
                self.failure(f"'failures' {number}", failure)
                for number, failure in enumerate(table.get("failures", []), 1)
            ),
            manner=self.manner(table["typing"]) if "typing" in table else Manner(),
            launch=self.launch(table["launch"]) if "launch" in table else Launch(),
            hooks=hook_rules.read(table["hooks"], self.fail) if "hooks" in table else None,
            transcript=self.transcript(table["transcript"]) if "transcript" in table else None,
            once=self.once(table["once"]) if "once" in table else None,
            continues=table.get("continues", False),
            outage=self.pattern("'outage'", table["outage"]) if "outage" in table else None,
            logged_in=self.pattern("'logged_in'", table["logged_in"])
            if "logged_in" in table
            else None,
            recorded=self.versions(table.get("recorded", [])),
        )

    def versions(self, values: list[object]) -> tuple[str, ...]:
        for value in values:
            self.typed("'recorded'", value, str)
            if not agents_version.numbers(str(value)):
                raise self.fail("'recorded'", f"has no version number: '{value}'")
        return tuple(map(str, values))

    def programs(self, table: Mapping[str, Any]) -> tuple[str, ...]:
        self.typed("'start'", table.get("start", ""), str)
        for program in table.get("programs", []):
            self.typed("'programs'", program, str)
        return agents_provider.programs(table)

    def commands(self, table: Mapping[str, Any]) -> tuple[re.Pattern[str], ...]:
        return tuple(self.pattern("'commands'", value) for value in table.get("commands", []))

    def failure(self, where: str, table: object) -> Failure:
        if not isinstance(table, dict):
            raise self.fail(where, "is not a table")
        read = self.values(where, table, Failure, ("failure", "turn"))
        if read["failure"] not in _FAILURES:
            raise self.fail(f"{where} 'failure'", f"is not one of {', '.join(_FAILURES)}")
        return Failure(**read)

    def launch(self, table: Mapping[str, Any]) -> Launch:
        launch = Launch(**self.values("'launch'", table, Launch, ()))
        for key in ("trust", "trust_key"):
            if (text := getattr(launch, key)) and "{directory}" not in text:
                raise self.fail(f"'launch' '{key}'", "does not contain '{directory}'")
        try:
            shlex.split(launch.trust)
        except ValueError as error:
            raise self.fail("'launch' 'trust'", f"is not a list of shell words: {error}") from None
        if bool(launch.trust_file) != bool(launch.trust_key):
            raise self.fail("'launch'", "needs both 'trust_file' and 'trust_key', or neither")
        return launch

    def manner(self, table: Mapping[str, Any]) -> Manner:
        plain = {key: value for key, value in table.items() if key != "disarm"}
        manner = Manner(
            **self.values("'typing'", plain, Manner, ()), disarm=self.disarm(table.get("disarm"))
        )
        for name in manner.pasted.groupindex if manner.pasted else ():
            if name not in COUNTS:
                raise self.fail(
                    "'typing.pasted'", f"has a group not in {', '.join(COUNTS)}: '{name}'"
                )
        if manner.clear and not re.fullmatch(r"[\x01-\x08\x0b\x0c\x0e-\x1a]", manner.clear):
            raise self.fail("'typing.clear'", "is not a control character, or ends a line")
        return manner

    def disarm(self, given: object) -> tuple[tuple[str, re.Pattern[str]], ...]:
        """What to type in front of a prompt, and for which prompts."""
        place = "'typing' 'disarm'"
        table = given if isinstance(given, dict) else {" ": given} if given is not None else {}
        for text in table:
            if not text or terminal_text.clean(text) != text:
                raise self.fail(place, "has a key that is empty or has a control character")
        return tuple((text, self.pattern(place, each)) for text, each in table.items())

    def once(self, table: Mapping[str, Any]) -> oneshot.Once:
        where = "'once'"
        found = ("message", "error", "done")
        plain = {key: value for key, value in table.items() if key not in found}
        read = self.values(where, plain, oneshot.Once, ("command", "format"))
        for key in found:
            if key in table:
                read[key] = self.finder(f"{where} '{key}'", table[key])
        if read["format"] not in oneshot.FORMATS:
            raise self.fail(
                f"{where} 'format'",
                f"is not one of {', '.join(oneshot.FORMATS)}: '{read['format']}'",
            )
        if read["format"] == "json":
            for key in ("message", "done"):
                if key not in read:
                    raise self.fail(f"{where} '{key}'", "is missing")
        if "resume" in read and not ("{conversation}" in read["resume"] and "conversation" in read):
            raise self.fail(f"{where} 'resume'", "needs '{conversation}' in it, and that key")
        if "reset" in read and not read["reset"].groups:
            raise self.fail(f"{where} 'reset'", "needs a group")
        return oneshot.Once(**read)

    def finder(self, place: str, table: object) -> oneshot.Finder:
        self.typed(place, table, dict)
        assert isinstance(table, dict)
        for key in table:
            if key not in ("where", "value"):
                raise self.fail(f"{place} '{key}'", "is not a key (known: where, value)")
        where, value = table.get("where"), table.get("value", [])
        if not isinstance(where, dict) or not where:
            raise self.fail(f"{place} 'where'", "is not a table, or is empty")
        if any(type(wanted) not in (str, int, bool) for wanted in where.values()):
            raise self.fail(f"{place} 'where'", "has a value other than string, number, boolean")
        if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
            raise self.fail(f"{place} 'value'", "is not a list of strings")
        return oneshot.Finder(where, tuple(value))

    def shape(self, table: Mapping[str, Any]) -> composer.Shape:
        read = self.values("'composer'", table, composer.Shape, ("prompt",))
        found = composer.Shape(**read)
        if 0 < found.height <= found.status_lines:
            raise self.fail("'composer' 'height'", "is not more than 'status_lines'")
        return found

    def transcript(self, table: Mapping[str, Any]) -> agents_provider.Transcript:
        needed = ("format", "home", "default")
        read = agents_provider.Transcript(
            **self.values("'transcript'", table, agents_provider.Transcript, needed)
        )
        if read.format not in agents_provider.FORMATS:
            known = ", ".join(agents_provider.FORMATS)
            raise self.fail("'transcript' 'format'", f"is not one of {known}: '{read.format}'")
        return read

    def rule(self, where: str, table: object) -> Rule:
        if not isinstance(table, dict):
            raise self.fail(where, "is not a table")
        if isinstance(table.get("name"), str):
            where += f" ({table['name']})"
        read = self.values(where, table, Rule, ("name", "status", "reason"))
        for key, allowed in (("status", _RULE_STATUSES), ("composer", _STATES)):
            if read.get(key) is not None and read[key] not in allowed:
                raise self.fail(
                    f"{where} '{key}'", f"is not one of {', '.join(allowed)}: '{read[key]}'"
                )
        if read["status"] == "idle" and read.get("composer") != "empty":
            raise self.fail(where, "must not set 'idle' without 'composer = \"empty\"'")
        return Rule(**read)

    def values(
        self, where: str, table: Mapping[str, Any], kind: type, needed: tuple[str, ...]
    ) -> dict[str, Any]:
        """Keyword arguments for a dataclass from the keys of a table, each checked for its type."""
        known = {field.name: field.type for field in fields(kind)}
        read: dict[str, Any] = {}
        for key, value in table.items():
            place = f"{where} '{key}'"
            if key not in known:
                raise self.fail(place, f"is not a key (known: {', '.join(known)})")
            if "tuple" in str(known[key]):
                self.typed(place, value, list)
                read[key] = tuple(self.pattern(place, each) for each in value)
                continue
            if "Pattern" in str(known[key]):
                read[key] = self.pattern(place, value)
                continue
            wanted = next(t for t in (bool, int, str) if t.__name__ in str(known[key]))
            self.typed(place, value, wanted)
            if wanted is int and not 0 <= value <= 1000:
                raise self.fail(place, f"is out of range: {value}")
            read[key] = value
        for key in needed:
            if not read.get(key):
                raise self.fail(f"{where} '{key}'", "is missing or empty")
        return read

    def typed(self, place: str, value: object, wanted: type) -> None:
        words = {
            str: "text",
            list: "a list",
            dict: "a table",
            bool: "true or false",
            int: "a number",
        }
        if type(value) is not wanted:
            raise self.fail(place, f"is not {words[wanted]}")

    def pattern(self, place: str, value: object) -> re.Pattern[str]:
        self.typed(place, value, str)
        assert isinstance(value, str)
        try:
            return re.compile(value, re.MULTILINE)
        except (re.error, OverflowError, RecursionError) as error:
            raise self.fail(place, f"is not a regular expression: {error}") from None

"""send: from options, files and JSON lines to queued prompts."""

import argparse
import json
import os
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from assigner import cli, clock, prompts, providers
from assigner.db import Store
from assigner.errors import UsageError
from assigner.prompts import Draft

# What a JSON line may say: the columns that a person sets, and `after`
KEYS = {field.name for field in fields(Draft)} - {"secret_vars"}
_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z", re.DOTALL)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `send`."""
    add = parser.add_argument
    add("text", nargs="?", metavar="TEXT", help="the prompt; - reads it from standard input")
    add("--file", metavar="F", help="read the prompt from a file")
    add("--jsonl", metavar="F", help="queue many: one JSON object a line; - for standard input")
    add("--priority", type=int, metavar="N", help="higher runs first (default 0)")
    add("--target", dest="target_session", metavar="SESSION", help="only in this session")
    add("--provider", dest="target_provider", metavar="P", help="only where this runs")
    add("--workdir", "--working_dir", dest="working_dir", metavar="DIR", help="run it there")
    add("--git-branch", metavar="B", help="on that branch of the directory's repository")
    add(
        "--env",
        action="append",
        default=[],
        metavar="K[=V]",
        help="set a variable; without a value it is taken from here and kept secret (repeated)",
    )
    add(
        "--env-file",
        action="append",
        default=[],
        metavar="F",
        help="set the variables of a file of K=V lines, and keep them secret (repeated)",
    )
    add(
        "--prereq",
        dest="prerequisites",
        action="append",
        default=[],
        metavar="CMD",
        help="run this first, in its context; if it fails, the prompt does not run (repeated)",
    )
    add("--metadata", metavar="JSON", help="a JSON object that is kept with the prompt")
    add(
        "--no-context-match",
        dest="prefer_context_match",
        action="store_false",
        default=None,
        help="take the longest idle session, whatever its context",
    )
    add(
        "--no-validate",
        dest="validate_context",
        action="store_false",
        default=None,
        help="do not check the context once it is prepared",
    )
    add(
        "--min-score",
        type=int,
        metavar="N",
        help="wait for a session that scores N, at most context_wait (60 s)",
    )
    add(
        "--after",
        action="append",
        type=cli.positive,
        default=[],
        metavar="ID",
        help="run only once that prompt has completed (repeated)",
    )
    add("--not-before", metavar="T", help="a time: 2026-02-14T20:00, with Z for UTC, or +30m")
    add("--max-attempts", type=int, metavar="N", help="try at most N times (default 3)")
    add(
        "--idempotent",
        action="store_true",
        default=None,
        help="it may run again even if it may have run: retry it when its session vanishes",
    )
    add("--timeout", dest="timeout_seconds", type=float, metavar="S", help="end it after S seconds")
    add("--tag", dest="tags", action="append", default=[], metavar="T", help="a label (repeated)")


def drafts(args: argparse.Namespace) -> list[Draft]:
    """What the command line asks for, not yet checked.  UsageError, OSError."""
    given = [option for option in (args.text, args.file, args.jsonl) if option is not None]
    if len(given) != 1:
        raise UsageError("give one of TEXT, --file and --jsonl")
    base = _base(args)
    if args.jsonl is not None:
        return list(_from_lines(args.jsonl, cli.text_of(args.jsonl), base))
    source = args.file if args.file is not None else "-" if args.text == "-" else None
    return [replace(base, content=args.text if source is None else cli.text_of(source))]


def send(store: Store, wanted: list[Draft]) -> tuple[list[int], list[str]]:
    """Check and queue; the ids, and warnings for people.  UsageError queues none."""
    for number, draft in enumerate(wanted, 1):
        try:
            prompts.check(draft, store.settings, providers.KNOWN)
        except UsageError as error:
            if len(wanted) == 1:
                raise
            raise UsageError(f"prompt {number}: {error}") from None
    warnings = {prompts.missing_directory(draft) for draft in wanted}
    ids = prompts.queue(store, wanted)
    return ids, sorted(f"warning: {warning}" for warning in warnings if warning)


def _base(args: argparse.Namespace) -> Draft:
    """The draft that holds what the options say."""
    values = {
        name: getattr(args, name)
        for name in KEYS - {"content", "metadata", "env_vars", "not_before"}
        if getattr(args, name) not in (None, [])
    }
    draft = Draft(content="", **values)
    draft.env_vars, draft.secret_vars = _variables(args.env, args.env_file)
    if args.working_dir is not None:
        draft.working_dir = os.path.join(os.getcwd(), os.path.expanduser(args.working_dir))
        draft.working_dir = os.path.normpath(draft.working_dir) if args.working_dir else ""
    if args.metadata is not None:
        draft.metadata = _metadata(args.metadata)
    if args.not_before is not None:
        draft.not_before = clock.parse(args.not_before)
    return draft


def _variables(options: list[str], paths: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The variables that may be seen, and the secret ones."""
    plain, secret = {}, {}
    for path in paths:
        for number, line in enumerate(cli.text_of(path).split("\n"), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                if not (match := _ASSIGNMENT.match(line.strip())):
                    raise UsageError(f"'{path}' line {number} is not K=V")
                secret[match[1]] = _unquoted(match[2])
    for option in options:
        name, equals, value = option.partition("=")
        if equals:
            plain[name] = value
            secret.pop(name, None)
        elif name in os.environ:
            secret[name] = os.environ[name]
        else:
            raise UsageError(f"the variable '{name}' is not set here: give --env {name}=VALUE")
    return plain, secret


def _unquoted(value: str) -> str:
    """A value as in a shell: one pair of quotes around all of it is not part of it."""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


def _metadata(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"metadata is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"metadata is not a JSON object: '{text[:60]}'")
    return value


def _from_lines(path: str, text: str, base: Draft) -> Iterator[Draft]:
    """A draft for each line that is not empty."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise UsageError(f"'{path}' line {number} is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise UsageError(f"'{path}' line {number} is not a JSON object")
        if unknown := sorted(set(value) - KEYS):
            raise UsageError(f"'{path}' line {number} has the unknown key '{unknown[0]}'")
        if "content" not in value:
            raise UsageError(f"'{path}' line {number} has no content")
        for key, kinds in _KINDS.items():
            if key in value and not isinstance(value[key], kinds):
                raise UsageError(f"'{path}' line {number}: wrong kind of value for '{key}'")
        if value.get("not_before"):
            value["not_before"] = clock.parse(value["not_before"])
        yield replace(base, **{"metadata": {**base.metadata}, **value})


_TEXT, _NUMBER, _NONE = (str,), (int, float), (type(None),)
_KINDS: dict[str, tuple[type, ...]] = {
    "content": _TEXT,
    "target_session": _TEXT + _NONE,
    "target_provider": _TEXT + _NONE,
    "working_dir": _TEXT + _NONE,
    "git_branch": _TEXT + _NONE,
    "not_before": _TEXT + _NONE,
    "env_vars": (dict,),
    "metadata": (dict,),
    "prerequisites": (list,),
    "tags": (list,),
    "after": (list,),
    "priority": (int,),
    "min_score": (int, type(None)),
    "max_attempts": (int,),
    "timeout_seconds": _NUMBER + _NONE,
    "prefer_context_match": (bool,),
    "validate_context": (bool,),
    "idempotent": (bool,),
}

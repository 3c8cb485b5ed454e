"""send: from options, files and JSON lines to queued prompts."""

import argparse
import gc
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from assigner import cli, clock, drafting, inheriting, output, prompts, providers
from assigner.db import Store
from assigner.drafting import Draft
from assigner.errors import UsageError

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z", re.DOTALL)


def add_options(parser: cli.Parser) -> None:
    """The options of `send`."""
    parser.prompt_argument = "text"
    add = parser.add_argument
    add("text", nargs="?", metavar="TEXT", help="the prompt; - reads it from standard input")
    add("--file", metavar="F", help="read the prompt from a file; - for standard input")
    add("--jsonl", metavar="F", help="queue many: one JSON object a line; - for standard input")
    add("--priority", type=cli.whole, metavar="N", help="higher runs first (default 0)")
    add(
        "--target",
        dest="target_session",
        metavar="SESSION",
        help="only in this session, also if it comes later",
    )
    add(
        "--provider",
        dest="target_provider",
        metavar="P",
        help="only where this runs: shell, command, or an agent (`providers` lists them)",
    )
    add(
        "--workdir",
        "--working_dir",
        dest="working_dir",
        type=cli.directory,
        metavar="DIR",
        help="run it there",
    )
    add("--git-branch", metavar="B", help="on that branch of the directory's repository")
    add(
        "--worktree",
        action="store_true",
        default=None,
        help="in a working tree for that branch alone, made under the state directory",
    )
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
        type=cli.whole,
        metavar="N",
        help="wait for a session that scores N, at most ASSIGNER_CONTEXT_WAIT (60 s)",
    )
    add(
        "--after",
        action="append",
        type=cli.positive,
        default=[],
        metavar="ID",
        help="run only once that prompt has completed (repeated)",
    )
    add(
        "--check",
        dest="check_command",
        metavar="CMD",
        help="what was completed is a success only if sh runs this with status 0 afterwards",
    )
    add(
        "--check-timeout",
        dest="check_timeout_seconds",
        type=cli.seconds,
        metavar="S",
        help="end the check after S seconds, which fails it (default ASSIGNER_CHECK_TIMEOUT, 600)",
    )
    add(
        "--review",
        action="store_true",
        default=None,
        help="what waits for it runs only once a person has approved it (`review`)",
    )
    add("--not-before", metavar="T", help="not before 2026-02-14T20:00, with Z for UTC, or +30m")
    add("--max-attempts", type=cli.positive, metavar="N", help="try at most N times (default 3)")
    add(
        "--idempotent",
        action="store_true",
        default=None,
        help="it may run twice: retry it also when its session vanishes or it runs too long",
    )
    add(
        "--timeout",
        dest="timeout_seconds",
        type=cli.seconds,
        metavar="S",
        help="end it after S seconds",
    )
    add("--tag", dest="tags", action="append", default=[], metavar="T", help="a label (repeated)")
    add(
        "--parent",
        dest="parent_id",
        type=cli.positive,
        metavar="ID",
        help="what is not said here is as that prompt has it: context, target, tags ...",
    )
    add(
        "--key",
        dest="dedup_key",
        metavar="K",
        help="queue it once: where a prompt has that key, print its id",
    )
    add(
        "--affinity",
        metavar="KEY",
        help="a one-shot agent goes on with the conversation of its last prompt with that key",
    )
    add(
        "--raw",
        action="store_true",
        default=None,
        help="typed to an agent as it stands: `/compact` is then a command of the agent's",
    )
    add(
        "--sentinel",
        action="store_true",
        default=None,
        help="it is done only if it says so: by a line 'ASSIGNER-DONE ok SUMMARY', or 'report ok'",
    )


def drafts(args: argparse.Namespace) -> list[tuple[str, Draft]]:
    """What the command line asks for, not yet checked, each with its place.  UsageError."""
    given = [option for option in (args.text, args.file, args.jsonl) if option is not None]
    if len(given) != 1:
        raise UsageError("give one of TEXT, --file and --jsonl")
    if args.jsonl is not None and args.dedup_key is not None:
        raise UsageError("--key is for one prompt: give each line its own 'dedup_key'")
    base = _base(args)
    if args.jsonl is not None:
        gc.disable()  # looking for cycles among so many drafts is a tenth of the time
        lines = cli.text_of(args.jsonl).split("\n")
        with output.progress(lines, len(lines), "reading") as counted:
            return list(_from_lines(cli.named(args.jsonl), counted, base))
    source = args.file if args.file is not None else "-" if args.text == "-" else None
    return [("", replace(base, content=args.text if source is None else cli.text_of(source)))]


def send(store: Store, wanted: list[tuple[str, Draft]]) -> tuple[list[int], list[str]]:
    """Check and queue; the ids, and warnings for people.  UsageError queues none."""
    with output.progress(wanted, len(wanted), "checking") as counted:
        for place, draft in counted:
            try:
                if draft.parent_id is not None:
                    inheriting.inherit(store, draft)
                drafting.check(draft, store.settings, providers.names())
                providers.check_usable(draft.target_provider)
            except UsageError as error:
                raise UsageError(f"{place}{error}") from None
    directories = {draft.working_dir: draft for _, draft in wanted}
    warnings = {drafting.missing_directory(draft) for draft in directories.values()}
    place = ""

    def drafts() -> Iterator[Draft]:
        nonlocal place
        with output.progress(wanted, len(wanted), "queueing") as each:
            for place, draft in each:  # noqa: B007 - where an error is
                yield draft

    try:
        ids = prompts.queue(store, drafts())
    except UsageError as error:
        raise UsageError(f"{place}{error}") from None
    return ids, sorted(f"warning: {warning}" for warning in warnings if warning)


def _base(args: argparse.Namespace) -> Draft:
    """The draft that holds what the options say."""
    values = {
        name: getattr(args, name)
        for name in _KINDS.keys() - {"content", "metadata", "env_vars", "not_before"}
        if getattr(args, name) not in (None, [])
    }
    draft = Draft(content="", given=frozenset(values), **values)
    draft.env_vars, draft.secret_vars = _variables(args.env, args.env_file)
    if args.metadata is not None:
        draft.metadata = metadata(args.metadata)
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
                    raise UsageError(f"{cli.named(path)} line {number} is not K=V")
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


def metadata(text: str) -> dict[str, Any]:
    """The JSON object that a person gives as metadata.  UsageError."""
    try:
        value = _JSON.decode(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"metadata is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"metadata is not a JSON object: '{text[:60]}'")
    return value


def _from_lines(name: str, lines: Iterable[str], base: Draft) -> Iterator[tuple[str, Draft]]:
    """A draft for each line that is not empty, with its place."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{name} line {number}: "
        try:
            value = _JSON.decode(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{place}not JSON: {error}") from None
        if not isinstance(value, dict):
            raise UsageError(f"{place}not a JSON object")
        if unknown := sorted(value.keys() - _KINDS.keys()):
            raise UsageError(f"{place}unknown key '{unknown[0]}' (known: {', '.join(_KINDS)})")
        if "content" not in value:
            raise UsageError(f"{place}no content")
        for key, given in value.items():
            if type(given) not in _KINDS[key]:
                kind = _KIND_NAMES[_KINDS[key][0]]
                raise UsageError(f"{place}{key} is not {kind}: {json.dumps(given)[:60]}")
        if value.get("not_before") is not None:
            try:
                value["not_before"] = clock.parse(value["not_before"])
            except UsageError as error:
                raise UsageError(f"{place}{error}") from None
        if "env_vars" in value:
            own = value["env_vars"].keys()
            value["secret_vars"] = {k: v for k, v in base.secret_vars.items() if k not in own}
        draft = Draft(**{**vars(base), "metadata": {**base.metadata}, **value})
        if draft.parent_id is not None:
            draft.given = base.given.union(value)
        yield place, draft


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


_JSON = json.JSONDecoder(parse_constant=_refuse)
_NONE = type(None)
_KIND_NAMES: dict[type, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "an array",
    dict: "an object",
}
# What a JSON line may say, in exact types (a bool is no number); the first is told to people
_KINDS: dict[str, tuple[type, ...]] = {
    "content": (str,),
    "priority": (int,),
    "target_session": (str, _NONE),
    "target_provider": (str, _NONE),
    "working_dir": (str, _NONE),
    "git_branch": (str, _NONE),
    "worktree": (bool,),
    "env_vars": (dict,),
    "prerequisites": (list,),
    "metadata": (dict,),
    "prefer_context_match": (bool,),
    "validate_context": (bool,),
    "min_score": (int, _NONE),
    "max_attempts": (int,),
    "idempotent": (bool,),
    "timeout_seconds": (float, int, _NONE),
    "not_before": (str, _NONE),
    "tags": (list,),
    "after": (list,),
    "parent_id": (int, _NONE),
    "dedup_key": (str, _NONE),
    "affinity": (str, _NONE),
    "sentinel": (bool,),
    "check_command": (str, _NONE),
    "check_timeout_seconds": (float, int, _NONE),
    "review": (bool,),
    "raw": (bool,),
}

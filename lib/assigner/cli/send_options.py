"""send: its options, and how options, files and JSON lines become queued prompts."""

import argparse
import gc
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from assigner import clock
from assigner.agents import registry
from assigner.cli import progress, runner
from assigner.errors import UsageError
from assigner.queue import drafts as queue_drafts
from assigner.queue import inherit, prompts
from assigner.queue.drafts import Draft
from assigner.store.database import Store

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z", re.DOTALL)


def add_options(parser: runner.Parser) -> None:
    """The options of `send`."""
    parser.prompt_argument = "text"
    add = parser.add_argument
    add("text", nargs="?", metavar="TEXT", help="the prompt; - reads it from standard input")
    add("--file", metavar="F", help="read the prompt from a file; - for standard input")
    add("--jsonl", metavar="F", help="queue many: one JSON object a line; - for standard input")
    add(
        "--priority", type=runner.whole, metavar="N", help="higher priorities run first (default 0)"
    )
    add(
        "--target",
        dest="target_session",
        metavar="SESSION",
        help="only in this session, even if it does not exist yet",
    )
    add(
        "--provider",
        dest="target_provider",
        metavar="P",
        help="only in a session of this provider: shell, command, or an agent (see `providers`)",
    )
    add(
        "--workdir",
        "--working_dir",
        dest="working_dir",
        type=runner.directory,
        metavar="DIR",
        help="run the prompt in this directory",
    )
    add("--git-branch", metavar="B", help="on this branch of the directory's repository")
    add(
        "--worktree",
        action="store_true",
        default=None,
        help="in a separate working tree for the branch, created under the state directory",
    )
    add(
        "--env",
        action="append",
        default=[],
        metavar="K[=V]",
        help="set a variable; without V from the environment, and secret (repeated)",
    )
    add(
        "--env-file",
        action="append",
        default=[],
        metavar="F",
        help="set secret variables from a file of K=V lines (repeated)",
    )
    add(
        "--prereq",
        dest="prerequisites",
        action="append",
        default=[],
        metavar="CMD",
        help="run this command first, in the context; if it fails, so does the prompt (repeated)",
    )
    add("--metadata", metavar="JSON", help="a JSON object to store with the prompt")
    add(
        "--no-context-match",
        dest="prefer_context_match",
        action="store_false",
        default=None,
        help="use the longest idle session, whatever its context",
    )
    add(
        "--no-validate",
        dest="validate_context",
        action="store_false",
        default=None,
        help="do not verify the prepared context",
    )
    add(
        "--min-score",
        type=runner.whole,
        metavar="N",
        help="wait for a session with this score, at most ASSIGNER_CONTEXT_WAIT (60 s)",
    )
    add(
        "--after",
        action="append",
        type=runner.positive,
        default=[],
        metavar="ID",
        help="run only after that prompt has completed (repeated)",
    )
    add(
        "--check",
        dest="check_command",
        metavar="CMD",
        help="the prompt succeeds only if this command, run by sh afterwards, exits with 0",
    )
    add(
        "--check-timeout",
        dest="check_timeout_seconds",
        type=runner.seconds,
        metavar="S",
        help="the check fails after S seconds (default ASSIGNER_CHECK_TIMEOUT, 600)",
    )
    add(
        "--review",
        action="store_true",
        default=None,
        help="hold dependent prompts until you approve the result with `review`",
    )
    add(
        "--not-before",
        metavar="T",
        help="run no earlier than 2026-02-14T20:00, with Z for UTC, or +30m",
    )
    add("--max-attempts", type=runner.positive, metavar="N", help="try at most N times (default 3)")
    add(
        "--idempotent",
        action="store_true",
        default=None,
        help="safe to run twice: also retry after a lost session or a timeout",
    )
    add(
        "--timeout",
        dest="timeout_seconds",
        type=runner.seconds,
        metavar="S",
        help="stop the prompt after S seconds",
    )
    add("--tag", dest="tags", action="append", default=[], metavar="T", help="a label (repeated)")
    add(
        "--parent",
        dest="parent_id",
        type=runner.positive,
        metavar="ID",
        help="inherit everything not given here (context, target, tags, ...) from prompt ID",
    )
    add(
        "--key",
        dest="dedup_key",
        metavar="K",
        help="queue it only once: if a prompt has this key, print that prompt's id",
    )
    add(
        "--affinity",
        metavar="KEY",
        help="continue the conversation of a one-shot agent's last prompt with this key",
    )
    add(
        "--raw",
        action="store_true",
        default=None,
        help="type the text to an agent unchanged: `/compact` then is a command of the agent",
    )
    add(
        "--sentinel",
        action="store_true",
        default=None,
        help="complete only after a line 'ASSIGNER-DONE ok SUMMARY', or 'report ok'",
    )


def drafts(args: argparse.Namespace) -> list[tuple[str, Draft]]:
    """The drafts that the command line asks for, unchecked, each with its place.  UsageError."""
    given = [option for option in (args.text, args.file, args.jsonl) if option is not None]
    if len(given) != 1:
        raise UsageError("give one of TEXT, --file and --jsonl")
    if args.jsonl is not None and args.dedup_key is not None:
        raise UsageError("--key is for one prompt: give each line its own 'dedup_key'")
    base = _base(args)
    if args.jsonl is not None:
        gc.disable()  # the collector would take a tenth of the time
        lines = runner.text_of(args.jsonl).split("\n")
        with progress.progress(lines, len(lines), "reading") as counted:
            return list(_from_lines(runner.named(args.jsonl), counted, base))
    source = args.file if args.file is not None else "-" if args.text == "-" else None
    return [("", replace(base, content=args.text if source is None else runner.text_of(source)))]


def send(store: Store, wanted: list[tuple[str, Draft]]) -> tuple[list[int], list[str]]:
    """Check and queue the drafts.  Returns ids, and warnings for people.

    Raises UsageError, with nothing queued, if a draft is invalid.
    """
    with progress.progress(wanted, len(wanted), "checking") as counted:
        for place, draft in counted:
            try:
                if draft.parent_id is not None:
                    inherit.inherit(store, draft)
                queue_drafts.check(draft, store.settings, registry.names())
                registry.check_usable(draft.target_provider)
            except UsageError as error:
                raise UsageError(f"{place}{error}") from None
    directories = {draft.working_dir: draft for _, draft in wanted}
    warnings = {queue_drafts.missing_directory(draft) for draft in directories.values()}
    place = ""

    def drafts() -> Iterator[Draft]:
        nonlocal place
        with progress.progress(wanted, len(wanted), "queuing") as each:
            for place, draft in each:  # noqa: B007 - an error names it
                yield draft

    try:
        ids = prompts.queue(store, drafts())
    except UsageError as error:
        raise UsageError(f"{place}{error}") from None
    return ids, sorted(f"warning: {warning}" for warning in warnings if warning)


def _base(args: argparse.Namespace) -> Draft:
    """The draft that the options describe."""
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
    """The visible variables, and the secret ones."""
    plain, secret = {}, {}
    for path in paths:
        for number, line in enumerate(runner.text_of(path).split("\n"), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                if not (match := _ASSIGNMENT.match(line.strip())):
                    raise UsageError(f"{runner.named(path)} line {number} is not K=V")
                secret[match[1]] = _unquoted(match[2])
    for option in options:
        name, equals, value = option.partition("=")
        if equals:
            plain[name] = value
            secret.pop(name, None)
        elif name in os.environ:
            secret[name] = os.environ[name]
        else:
            raise UsageError(f"variable '{name}' is not set: give --env {name}=VALUE")
    return plain, secret


def _unquoted(value: str) -> str:
    """A value without the pair of quotes around it, as in a shell."""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


def metadata(text: str) -> dict[str, Any]:
    """Parse metadata, a JSON object.  UsageError."""
    try:
        value = _JSON.decode(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"metadata is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"metadata is not a JSON object: '{text[:60]}'")
    return value


def _from_lines(name: str, lines: Iterable[str], base: Draft) -> Iterator[tuple[str, Draft]]:
    """A draft for each nonempty line, with its place."""
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
            raise UsageError(f"{place}key 'content' is missing")
        for key, given in value.items():
            if type(given) not in _KINDS[key]:
                kind = _KIND_NAMES[_KINDS[key][0]]
                raise UsageError(f"{place}'{key}' is not {kind}: {json.dumps(given)[:60]}")
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
    raise ValueError(f"{constant} is not a JSON number")


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
# The keys of a JSON line with their exact types (a bool is not a number); messages name the first
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

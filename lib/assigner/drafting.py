"""Drafts: prompts before they are queued, completed and checked."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assigner import files, screen
from assigner.config import Settings
from assigner.errors import UsageError

# One variable may have 128 KiB, all with the arguments a quarter of the stack: execve(2)
MAX_VARIABLES = 100_000
MAX_COMMENT = 10_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# What a shell expands or runs before it reads a line, what it is itself (zshparam(1), bash(1),
# fish(1)): exported, it would change the session, not only the prompt
_SHELLS_OWN = {
    "PROMPT_COMMAND", "PS0", "PS1", "PS2", "PS3", "PS4", "PROMPT", "PROMPT2", "PROMPT3", "PROMPT4",
    "RPROMPT", "RPROMPT2", "RPS1", "RPS2", "SPROMPT", "prompt", "psvar", "histchars", "argv",
    "UID", "EUID", "GID", "EGID", "USERNAME", "PPID", "BASHOPTS", "SHELLOPTS", "TMOUT",
    "path", "fpath", "cdpath", "manpath", "mailpath", "module_path", "fignore",
}  # fmt: skip
_OURS = {f"ASSIGNER_{name}" for name in ("ATTEMPT", "SPOOL", "REPORT", "FEEDBACK")}
CONTEXT = {"working_dir": str, "git_branch": str, "env_vars": dict, "prerequisites": list}


@dataclass
class Draft:
    """A prompt before it is queued; the names are those of the table's columns."""

    content: str
    priority: int = 0
    target_session: str | None = None
    target_provider: str | None = None
    working_dir: str | None = None
    git_branch: str | None = None
    worktree: bool = False
    env_vars: dict[str, str] = field(default_factory=dict)
    secret_vars: dict[str, str] = field(default_factory=dict)
    prerequisites: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    prefer_context_match: bool = True
    validate_context: bool = True
    min_score: int | None = None
    max_attempts: int = 3
    idempotent: bool = False
    timeout_seconds: float | None = None
    not_before: str | None = None
    tags: list[str] = field(default_factory=list)
    after: list[int | str] = field(default_factory=list)
    parent_id: int | None = None
    dedup_key: str | None = None
    affinity: str | None = None
    sentinel: bool = False
    check_command: str | None = None
    check_timeout_seconds: float | None = None
    review: bool = False
    raw: bool = False
    secrets: str | None = None  # the file of another prompt that has `secret_vars`
    given: frozenset[str] = frozenset()  # what is meant although it is the default


def check(draft: Draft, settings: Settings, providers: Iterable[str]) -> None:
    """Complete the draft from its metadata, and refuse what cannot be meant.  UsageError."""
    _from_metadata(draft)
    _check_text("content", draft.content)
    if draft.metadata:
        _check_json("metadata", draft.metadata)
    if not draft.content.strip():
        raise UsageError("content is empty: say what is to be done")
    size = len(draft.content.encode())
    if size > settings.max_content:
        raise UsageError(f"content has {size} bytes, the limit is {settings.max_content}")
    _check_integer("priority", draft.priority)
    _check_integer("max_attempts", draft.max_attempts, least=1)
    if draft.min_score is not None:
        _check_integer("min_score", draft.min_score, least=0)
    for name in ("timeout_seconds", "check_timeout_seconds"):
        seconds = getattr(draft, name)
        if seconds is not None and not (type(seconds) in (int, float) and 0 < seconds < 1e9):
            raise UsageError(f"{name[:-8]} is not a positive number of seconds: {seconds}")
    _check_check(draft)
    check_target(draft.target_session, draft.target_provider, providers)
    for name in (*draft.env_vars, *draft.secret_vars):
        check_variable(name)
    for name, value in {**draft.env_vars, **draft.secret_vars}.items():
        if not isinstance(value, str):  # it may be secret: say nothing of it
            raise UsageError(f"the value of the variable '{name}' is no text")
        _check_plain(f"the value of the variable '{name}'", value)
    size = sum(
        len(value.encode()) for value in (*draft.env_vars.values(), *draft.secret_vars.values())
    )
    if size > MAX_VARIABLES:
        raise UsageError(
            f"the variables have {size} bytes, the limit is {MAX_VARIABLES}: with more no program"
            " can be started; put them into a file"
        )
    for command in draft.prerequisites:
        if not isinstance(command, str) or not command.strip():
            raise UsageError("a prerequisite is empty: give a command")
        _check_text("prerequisite", command)
    if draft.working_dir is not None:
        _check_plain("working_dir", draft.working_dir)
        if not draft.working_dir.startswith("/"):
            raise UsageError(f"working_dir is not an absolute path: '{draft.working_dir}'")
    if draft.git_branch is not None:
        check_branch(draft.git_branch)
    elif draft.worktree:
        raise UsageError("a working tree of its own is one for a branch: give --git-branch")
    for tag in draft.tags:
        check_name("tag", tag)
    for after in draft.after:
        if isinstance(after, str):
            check_name("after", after)
        elif after == 0 or isinstance(after, float):
            raise UsageError(f"after names no prompt: {after}")
        else:
            _check_integer("after", after)
    for name, key in (("dedup_key", draft.dedup_key), ("affinity", draft.affinity)):
        if key is not None:
            check_name(name, key)


def check_comment(text: str) -> None:
    """Refuse what a reviewer cannot mean to say."""
    if not text.strip():
        raise UsageError("the comment is empty: say what is to be done better")
    _check_text("comment", text)
    if len(text) > MAX_COMMENT:
        raise UsageError(f"the comment has {len(text)} characters, the limit is {MAX_COMMENT}")


def _check_check(draft: Draft) -> None:
    if draft.check_command is None:
        if draft.check_timeout_seconds is not None:
            raise UsageError("a time for which check? give --check")
        return
    _check_text("check", draft.check_command)
    if not draft.check_command.strip():
        raise UsageError("check is empty: give a command")


def check_target(session: str | None, provider: str | None, providers: Iterable[str]) -> None:
    """Refuse what can be no session's name, and a provider that is not known."""
    if provider is not None and provider not in providers:
        known = ", ".join(sorted(providers))
        raise UsageError(f"unknown provider '{provider}' (known: {known})")
    if session is not None:
        check_name("target_session", session)


def check_variable(name: str) -> None:
    """Refuse what no shell can export, and what shells would obey or keep for themselves."""
    if not _VARIABLE.match(name):
        raise UsageError(f"not a name of a variable: '{name}'")
    if name in _SHELLS_OWN:
        raise UsageError(f"'{name}' is a variable of shells' own: set it within the prompt")
    if name in _OURS or name.startswith(("__assigner_", "__assigned_")):
        raise UsageError(f"'{name}' is a variable of assigner's own: take another name")


def check_branch(name: str) -> None:
    """Refuse what git-check-ref-format(1) refuses, and names that git reads as options."""
    _check_plain("git_branch", name)
    bad = (
        not name
        or name.startswith(("-", "/", "."))
        or name.endswith(("/", ".", ".lock"))
        or name == "@"
        or "@{" in name
        or ".." in name
        or "//" in name
        or "/." in name
        or ".lock/" in name
        or any(ord(c) < 33 or ord(c) == 127 or c in "~^:?*[\\" for c in name)
    )
    if bad:
        raise UsageError(f"not a name of a branch: '{name}'")


def missing_directory(draft: Draft) -> str | None:
    """What is wrong with the working directory now, for a warning; None if nothing is."""
    return None if draft.working_dir is None else files.directory_problem(draft.working_dir)


def _from_metadata(draft: Draft) -> None:
    """Context may be given in metadata too; an option wins."""
    if not draft.metadata:
        return
    for key, kind in CONTEXT.items():
        value = draft.metadata.get(key)
        if value is None or getattr(draft, key):
            continue
        if not isinstance(value, kind):
            raise UsageError(f"metadata: '{key}' is not a JSON {_JSON_NAMES[kind]}")
        setattr(draft, key, value)
    state = draft.metadata.get("session_state", {})
    if not isinstance(state, dict) or not all(isinstance(v, str) for v in state.values()):
        raise UsageError("metadata: 'session_state' is not a JSON object of texts")


_JSON_NAMES: Mapping[object, str] = {str: "string", dict: "object", list: "array"}


def _check_integer(name: str, value: object, least: int = -(2**31)) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**31:
        raise UsageError(f"{name} is not a whole number from {least} to {2**31 - 1}: '{value}'")


def _check_json(name: str, value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise UsageError(f"{name} is not valid UTF-8") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"{name} cannot be written as JSON: {error}") from None


def check_name(name: str, value: str) -> None:
    """What people type to find it again: not empty, and nothing that cannot be seen."""
    _check_plain(name, value)
    if not value.strip() or screen.visible(value) != value:
        raise UsageError(f"{name} is empty or has a control character: '{value}'")


def _check_plain(name: str, value: str) -> None:
    """No NUL, which no shell can hold, and text that is text."""
    if not isinstance(value, str):
        raise UsageError(f"{name} is no text: '{value}'")
    if "\0" in value:
        raise UsageError(f"{name} has a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{name} is not valid UTF-8") from None


def _check_text(name: str, value: str) -> None:
    """What is typed or run has no control characters: they are keystrokes."""
    _check_plain(name, value)
    if found := _CONTROL.search(value):
        hint = ": convert it with tr -d '\\r'" if found[0] == "\r" else ""
        raise UsageError(
            f"{name} has the control character {ascii(found[0])[1:-1]}"
            f" at position {found.start()}{hint}"
        )

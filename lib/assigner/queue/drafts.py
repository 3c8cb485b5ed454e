"""Drafts: prompts before they are queued, and their checks."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assigner.config import Settings
from assigner.errors import UsageError
from assigner.store import state_dir
from assigner.system import terminal_text

# execve(2) limits one variable to 128 KiB, all variables and arguments to a quarter of the stack
MAX_VARIABLES = 100_000
MAX_COMMENT = 10_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Variables that a shell expands or runs before it reads a line, or that control the shell itself
# (zshparam(1), bash(1), fish(1)): exporting them would change the session, not only the prompt
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
    """A prompt before it is queued; the fields are named like the columns of the table."""

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
    secrets: str | None = None  # another prompt's file with `secret_vars`
    given: frozenset[str] = frozenset()  # fields given explicitly, even with the default value


def check(draft: Draft, settings: Settings, providers: Iterable[str]) -> None:
    """Complete the draft from its metadata, and refuse invalid values.  UsageError."""
    _from_metadata(draft)
    _check_text("content", draft.content)
    if draft.metadata:
        _check_json("metadata", draft.metadata)
    if not draft.content.strip():
        raise UsageError("content is empty: give the text of the prompt")
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
        if not isinstance(value, str):  # it may be secret: do not print it
            raise UsageError(f"the value of the variable '{name}' is not a string")
        _check_plain(f"the value of the variable '{name}'", value)
    size = sum(
        len(value.encode()) for value in (*draft.env_vars.values(), *draft.secret_vars.values())
    )
    if size > MAX_VARIABLES:
        raise UsageError(
            f"the variables have {size} bytes, the limit is {MAX_VARIABLES}, because programs"
            " cannot start with more: put the values into a file"
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
        raise UsageError("--worktree needs a branch: give --git-branch")
    for tag in draft.tags:
        check_name("tag", tag)
    for after in draft.after:
        if isinstance(after, str):
            check_name("after", after)
        elif after == 0 or isinstance(after, float):
            raise UsageError(f"after is not a prompt: {after}")
        else:
            _check_integer("after", after)
    for name, key in (("dedup_key", draft.dedup_key), ("affinity", draft.affinity)):
        if key is not None:
            check_name(name, key)


def check_comment(text: str) -> None:
    """Refuse an empty or overlong comment.  UsageError."""
    if not text.strip():
        raise UsageError("the comment is empty: say what to do better")
    _check_text("comment", text)
    if len(text) > MAX_COMMENT:
        raise UsageError(f"the comment has {len(text)} characters, the limit is {MAX_COMMENT}")


def _check_check(draft: Draft) -> None:
    if draft.check_command is None:
        if draft.check_timeout_seconds is not None:
            raise UsageError("--check-timeout needs a check: give --check")
        return
    _check_text("check", draft.check_command)
    if not draft.check_command.strip():
        raise UsageError("check is empty: give a command")


def check_target(session: str | None, provider: str | None, providers: Iterable[str]) -> None:
    """Refuse an invalid session name and an unknown provider.  UsageError."""
    if provider is not None and provider not in providers:
        known = ", ".join(sorted(providers))
        raise UsageError(f"unknown provider '{provider}' (known: {known})")
    if session is not None:
        check_name("target_session", session)


def check_variable(name: str) -> None:
    """Refuse variables that shells cannot export, or that control a shell.  UsageError."""
    if not _VARIABLE.match(name):
        raise UsageError(f"'{name}' is not a variable name")
    if name in _SHELLS_OWN:
        raise UsageError(f"'{name}' controls the shell: set it inside the prompt")
    if name in _OURS or name.startswith(("__assigner_", "__assigned_")):
        raise UsageError(f"'{name}' is reserved for assigner: choose another name")


def check_branch(name: str) -> None:
    """Refuse names that git-check-ref-format(1) refuses or git reads as options.  UsageError."""
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
        raise UsageError(f"'{name}' is not a branch name")


def missing_directory(draft: Draft) -> str | None:
    """A warning about the working directory as it is now; None if it can be used."""
    return None if draft.working_dir is None else state_dir.directory_problem(draft.working_dir)


def _from_metadata(draft: Draft) -> None:
    """Take the context from metadata too; options override it."""
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
        raise UsageError("metadata: 'session_state' is not a JSON object of strings")


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
    """Refuse an empty name or one with invisible characters: people must be able to type it."""
    _check_plain(name, value)
    if not value.strip() or terminal_text.visible(value) != value:
        raise UsageError(f"{name} is empty or has a control character: '{value}'")


def _check_plain(name: str, value: str) -> None:
    """Refuse NUL, which no shell can hold, and anything but UTF-8 text."""
    if not isinstance(value, str):
        raise UsageError(f"{name} is not a string: '{value}'")
    if "\0" in value:
        raise UsageError(f"{name} has a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{name} is not valid UTF-8") from None


def _check_text(name: str, value: str) -> None:
    """Refuse control characters in text that is typed or run: they would act as keystrokes."""
    _check_plain(name, value)
    if found := _CONTROL.search(value):
        hint = ": convert it with tr -d '\\r'" if found[0] == "\r" else ""
        raise UsageError(
            f"{name} has the control character {ascii(found[0])[1:-1]}"
            f" at position {found.start()}{hint}"
        )

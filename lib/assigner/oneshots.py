"""Agents' one-shot modes: how the command line is completed, and what came of it, from its JSON.

An agent that is called with a prompt on standard input prints events, one JSON object a line, or
only text.  Its exit status alone is not believed: some end with 0 after a failure.  Pure.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assigner import screen

FORMATS = ("json", "text")
# What may stand in a command line: it comes from an agent's output
_CONVERSATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}\Z")
_OPERATORS = set("();<>|&")


@dataclass(frozen=True)
class Finder:
    """Events in which all of `where` (dotted path: value) holds; `value` names paths in them."""

    where: Mapping[str, object]
    value: tuple[str, ...] = ()


@dataclass(frozen=True)
class Once:
    """The table [once] of a provider; expressions are searched.

    `command` in the enrolled command line; where `own` is found too, that chooses its conversation
    by itself.  `options` are added, and `resume` with `{conversation}` to go on with one, which is
    `gone` if that stands on the screen.  A prompt in which `disarm` is found gets a blank in front.
    `format` is json or text; `conversation` a path in events; `message`, `error` and `done` find
    the last message, the final error, and the end of a turn that went well.  `failed` finds the
    error in text.  `auth`, `limited` and `context` class an error; `reset` finds by its first
    group when a limit ends.
    """

    command: re.Pattern[str]
    format: str
    options: str = ""
    own: re.Pattern[str] | None = None
    resume: str | None = None
    gone: re.Pattern[str] | None = None
    disarm: re.Pattern[str] | None = None
    conversation: str | None = None
    message: Finder | None = None
    error: Finder | None = None
    done: Finder | None = None
    failed: re.Pattern[str] | None = None
    auth: re.Pattern[str] | None = None
    limited: re.Pattern[str] | None = None
    context: re.Pattern[str] | None = None
    reset: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one run.

    `state` is completed, failed or limited; `failure` the class of what failed: api, auth,
    context, command.  `reset` is the stated end of a limit, as text; `gone` tells that the
    conversation to go on with was not found.
    """

    state: str
    failure: str | None = None
    error: str | None = None
    reset: str | None = None
    message: str | None = None
    conversation: str | None = None
    gone: bool = False


def is_one(once: Once, command: str) -> bool:
    """Whether a command line is the agent's one-shot mode, to which options can be added."""
    return bool(once.command.search(command)) and _is_simple(command)


def resumes(once: Once, command: str) -> bool:
    """Whether a conversation can be gone on with."""
    return once.resume is not None and not (once.own and once.own.search(command))


def line(once: Once, command: str, conversation: str | None) -> str:
    """The command line with what has the outcome told, and the conversation gone on with."""
    words = [command.rstrip()]
    if once.options and f" {once.options} " not in f" {command} ":
        words.append(once.options)
    if once.resume is not None and conversation is not None:
        words.append(once.resume.replace("{conversation}", conversation))
    return " ".join(words)


def text(once: Once, prompt: str) -> str:
    """The prompt as the agent takes it for no command of its own."""
    return f" {prompt}" if once.disarm and once.disarm.search(prompt) else prompt


def judge(
    once: Once, status: int | None, printed: Iterable[str], shown: str, *, resumed: bool
) -> Outcome:
    """What came of it: from the exit status, the lines it printed, and what the screen showed."""
    if once.format == "text":
        return _judge_text(once, status, "\n".join(printed), shown)
    conversation = message = error = None
    done = False
    for event in _events(printed):
        conversation = _conversation(once, event) or conversation
        message = _found(once.message, event) or message
        if (found := _found(once.error, event)) is not None:
            error, done = found or "an error that says nothing", False
        elif _found(once.done, event) is not None:
            error, done = None, True
    if error is not None:
        return _failed(once, error, message=message, conversation=conversation)
    if status != 0:
        gone = resumed and bool(once.gone and once.gone.search(shown))
        return _failed(
            once,
            _exit(status, shown),
            failure="command",
            message=message,
            conversation=conversation,
            gone=gone,
        )
    if not done:
        return _failed(once, "it ended without an end of its turn", message=message,
                       conversation=conversation)  # fmt: skip
    if not message or not message.strip():
        return _failed(once, "its answer is empty", conversation=conversation)
    return Outcome("completed", message=message, conversation=conversation)


def _judge_text(once: Once, status: int | None, printed: str, shown: str) -> Outcome:
    if once.failed and (found := once.failed.search(printed)):
        return _failed(once, found[0].strip(), message=printed)
    if status != 0:
        return _failed(once, _exit(status, shown), failure="command", message=printed)
    if not printed.strip():
        return _failed(once, "its answer is empty")
    return Outcome("completed", message=printed)


def _exit(status: int | None, shown: str) -> str:
    last = next((line.strip() for line in reversed(shown.splitlines()) if line.strip()), "")
    return f"exit status {status}" + (f": {last}" if last else "")


def _failed(
    once: Once,
    error: str,
    *,
    failure: str = "api",
    message: str | None = None,
    conversation: str | None = None,
    gone: bool = False,
) -> Outcome:
    """A failure, classed by its text; `failure` where that tells nothing."""
    error = screen.tail(screen.clean(error).strip(), 4000)
    if once.limited and once.limited.search(error):
        reset = once.reset.search(error) if once.reset else None
        stated = reset[1].strip() if reset else None
        return Outcome("limited", None, error, stated, message, conversation)
    for kind, pattern in (("auth", once.auth), ("context", once.context)):
        if pattern and pattern.search(error):
            failure = kind
            break
    return Outcome("failed", failure, error, None, message, conversation, gone)


def _is_simple(command: str) -> bool:
    """Whether what is appended to a command line belongs to its only command."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        return False
    special = any(set(word) <= _OPERATORS or word.startswith("#") for word in words if word)
    return not special and "\n" not in command and not command.rstrip().endswith("\\")


def _events(printed: Iterable[str]) -> Iterable[Mapping[str, object]]:
    for text in printed:
        if text.lstrip().startswith("{"):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value


def _conversation(once: Once, event: Mapping[str, object]) -> str | None:
    value = _at(event, once.conversation) if once.conversation else None
    return value if isinstance(value, str) and _CONVERSATION.match(value) else None


def _found(finder: Finder | None, event: Mapping[str, object]) -> str | None:
    """The text at the finder's paths; None where the event is another."""
    if finder is None:
        return None
    for path, wanted in finder.where.items():
        value = _at(event, path)
        if type(value) is not type(wanted) or value != wanted:
            return None
    return " ".join(filter(None, (_text(_at(event, path)) for path in finder.value)))


def _at(event: object, path: str) -> object:
    for key in path.split("."):
        if not isinstance(event, dict):
            return None
        event = event.get(key)
    return event


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""Agents' one-shot modes: completes the command line, and judges the run by the JSON it printed.

An agent that reads a prompt on standard input prints events, one JSON object per line, or only
text.  The exit status alone is no evidence: some agents exit with 0 after a failure.  Pure.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assigner.system import terminal_text

FORMATS = ("json", "text")
# The characters allowed in a conversation id: it comes from an agent's output into a command line
_CONVERSATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}\Z")
_OPERATORS = set("();<>|&")


@dataclass(frozen=True)
class Finder:
    """Matches events that have all values of `where` (dotted path: value).  `value` lists the paths
    of the text to take from them.
    """

    where: Mapping[str, object]
    value: tuple[str, ...] = ()


@dataclass(frozen=True)
class Once:
    """The table [once] of a provider file.  Expressions are searched.

    `command` matches an enrolled command line of the one-shot mode; one that also matches `own`
    chooses its conversation itself.  `options` are appended, and `resume`, with `{conversation}`,
    to continue a conversation; if the screen then matches `gone`, that conversation does not exist.
    A prompt that matches `disarm` gets a blank in front.  `format` is json or text; `conversation`
    is a path in events; `message`, `error` and `done` find the last message, the final error and
    the end of a successful turn.  `failed` finds the error in text output.  `auth`, `limited` and
    `context` classify an error; the first group of `reset` is the time at which a limit ends.
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
    """The outcome of one run.

    `state` is completed, failed or limited; `failure` is the failure class: api, auth, context or
    command.  `reset` is the time at which a limit ends, as the agent stated it; `gone`: the
    agent did not find the conversation to continue.
    """

    state: str
    failure: str | None = None
    error: str | None = None
    reset: str | None = None
    message: str | None = None
    conversation: str | None = None
    gone: bool = False


def is_one(once: Once, command: str) -> bool:
    """Whether a command line is the agent's one-shot mode and options can be appended to it."""
    return bool(once.command.search(command)) and _is_simple(command)


def resumes(once: Once, command: str) -> bool:
    """Whether a run can continue an earlier conversation."""
    return once.resume is not None and not (once.own and once.own.search(command))


def line(once: Once, command: str, conversation: str | None) -> str:
    """The command line with the options that make the agent report, and the conversation."""
    words = [command.rstrip()]
    if once.options and f" {once.options} " not in f" {command} ":
        words.append(once.options)
    if once.resume is not None and conversation is not None:
        words.append(once.resume.replace("{conversation}", conversation))
    return " ".join(words)


def text(once: Once, prompt: str) -> str:
    """The prompt, changed so that the agent does not read it as one of its own commands."""
    return f" {prompt}" if once.disarm and once.disarm.search(prompt) else prompt


def judge(
    once: Once, status: int | None, printed: Iterable[str], shown: str, *, resumed: bool
) -> Outcome:
    """The outcome, from the exit status, the printed lines and `shown`, the text on the screen.

    `resumed`: the run continued an earlier conversation.
    """
    if once.format == "text":
        return _judge_text(once, status, "\n".join(printed), shown)
    conversation = message = error = None
    done = False
    for event in _events(printed):
        conversation = _conversation(once, event) or conversation
        message = _found(once.message, event) or message
        if (found := _found(once.error, event)) is not None:
            error, done = found or "an error without a message", False
        elif _found(once.done, event) is not None:
            error, done = None, True
    if error is not None:
        return _failed(once, error, message=message, conversation=conversation)
    if status != 0:
        gone = resumed and bool(once.gone and once.gone.search(shown))
        return _failed(
            once,
            _exit(status, shown),
            failure="exit_status",
            message=message,
            conversation=conversation,
            gone=gone,
        )
    if not done:
        return _failed(once, "the agent exited without ending its turn", message=message,
                       conversation=conversation)  # fmt: skip
    if not message or not message.strip():
        return _failed(once, "the answer is empty", conversation=conversation)
    return Outcome("completed", message=message, conversation=conversation)


def _judge_text(once: Once, status: int | None, printed: str, shown: str) -> Outcome:
    if once.failed and (found := once.failed.search(printed)):
        return _failed(once, found[0].strip(), message=printed)
    if status != 0:
        return _failed(once, _exit(status, shown), failure="exit_status", message=printed)
    if not printed.strip():
        return _failed(once, "the answer is empty")
    return Outcome("completed", message=printed)


def _exit(status: int | None, shown: str) -> str:
    last = next((line.strip() for line in reversed(shown.splitlines()) if line.strip()), "")
    return f"{status}" + (f": {last}" if last else "")


def _failed(
    once: Once,
    error: str,
    *,
    failure: str = "api",
    message: str | None = None,
    conversation: str | None = None,
    gone: bool = False,
) -> Outcome:
    """A failed run, classified by the error text; `failure` is the class if no pattern matches."""
    error = terminal_text.tail(terminal_text.clean(error).strip(), 4000)
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
    """Whether text appended to a command line becomes arguments of its only command."""
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
    """The text at the finder's paths; None if the event does not match."""
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

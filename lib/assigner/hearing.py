"""What agents say of themselves: the reports of their hooks, in words that all agents share.

A report is what an agent makes of it, and a text from anywhere: whatever is wrong with it, it is
no news, never an error.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assigner import jsontext
from assigner.hookrules import Hooks, Paths
from assigner.recognising import Provider

LONGEST = 1 << 20  # bytes of a report that are read
_ID = re.compile(r"[\w.:/@+-]{1,200}\Z")
_LONG = 60  # seconds: who waits longer to try again waits for a limit to end


@dataclass(frozen=True)
class Heard:
    """One piece of news: which turn of which conversation, and what became of it.

    start, end: of the conversation.  prompt: `text` was submitted; `background`: by the agent
    itself, about a task that it has begun.  ask: a person is asked `text`; answered: no longer.
    done: the turn ended with the message `text`; `background`: tasks that it has begun still run.
    failed: it ended, or goes on in vain, by the error `text`; `failure` is its class and, of a
    limit, `reset` the stated end.  idle: nothing runs.
    """

    kind: str
    conversation: str | None = None
    turn: str | None = None
    directory: str | None = None
    transcript: str | None = None
    text: str | None = None
    failure: str | None = None
    reset: str | None = None
    background: bool = False


def hear(provider: Provider, event: str, payload: bytes) -> Heard | None:
    """The news in a report; None where it has none, or not of the session's own turns."""
    rules = provider.hooks
    data = _object(payload)
    if rules is None or not data:
        return None
    variant = _first(data, rules.variant)
    kind = rules.events.get(f"{event} {variant}") or rules.events.get(event)
    if kind is None or (kind not in ("ask", "answered") and _is_foreign(rules, data)):
        return None
    text = _text(_first(data, rules.text.get("failed" if kind == "retry" else kind, ())))
    failure = _failure(rules, data, text or "") if kind in ("failed", "retry") else None
    if kind == "retry":
        if failure != "limited" or not _waits(data):
            return None
        kind = "failed"
    return Heard(
        kind,
        conversation=_id(_first(data, rules.conversation)),
        turn=_id(_first(data, rules.turn)),
        directory=_path(_first(data, rules.directory)),
        transcript=_path(_first(data, rules.transcript)),
        text=text,
        failure=failure,
        reset=_reset(rules, data, text or "") if failure == "limited" else None,
        background=_is_of_tasks(rules, data, kind, text or ""),
    )


def _object(payload: bytes) -> dict[str, Any]:
    text = payload[:LONGEST].decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return jsontext.beginning(text)
    return value if isinstance(value, dict) else {}


def _is_foreign(rules: Hooks, data: Mapping[str, Any]) -> bool:
    if _first(data, rules.foreign):
        return True
    prompt = _text(_first(data, rules.prompts))
    return bool(rules.of_title and prompt and rules.of_title.search(prompt))


def _is_of_tasks(rules: Hooks, data: Mapping[str, Any], kind: str, text: str) -> bool:
    if kind == "prompt":
        return bool(rules.of_tasks and rules.of_tasks.search(text))
    return kind == "done" and bool(_first(data, rules.background))


def _failure(rules: Hooks, data: Mapping[str, Any], text: str) -> str:
    """The class of a failure: what the error is called, then what it says."""
    error = _first(data, rules.error)
    known = rules.failures.get(error, "api") if isinstance(error, str) else "api"
    if known != "api":
        return known
    said = (name for name, phrase in rules.phrases.items() if phrase.search(text))
    return next(said, "api")


def _waits(data: Mapping[str, Any]) -> bool:
    wait = data.get("wait")
    return isinstance(wait, int | float) and wait >= _LONG


def _reset(rules: Hooks, data: Mapping[str, Any], text: str) -> str | None:
    found = rules.reset.search(text) if rules.reset else None
    if found:
        return " ".join(found[1].split())
    return _text(data.get("reset"))


def _first(data: Mapping[str, Any], paths: Paths) -> Any:
    """What the first of the paths leads to that leads to anything but nothing; else None."""
    for path in paths:
        value: Any = data
        for step in path.split("."):
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                value = None
        if value:
            return value
    return None


def _text(value: object) -> str | None:
    """A text, without what no database takes; None where it is none, or is empty."""
    if not isinstance(value, str):
        return None
    return value.replace("\0", "").encode("utf-8", "replace").decode() or None


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and _ID.match(value) else None


def _path(value: object) -> str | None:
    return text if (text := _text(value)) and text.startswith("/") else None

"""Parses the reports of agents' hooks into events that are the same for all agents.

A report is untrusted text.  A malformed one yields no event, never an error.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assigner.agents.hook_rules import Hooks, Paths
from assigner.agents.hooks import json_edit
from assigner.agents.provider import Provider

LONGEST = 1 << 20  # bytes of a report that are read at most
_ID = re.compile(r"[\w.:/@+-]{1,200}\Z")
_LONG = 60  # seconds: a longer wait before a retry means that the agent waits for a limit's end


@dataclass(frozen=True)
class Heard:
    """One event: the conversation, the turn, and what happened; `kind` is one of these.

    start, end: the conversation began or ended.  prompt: `text` was submitted; with `background`,
    by the agent itself, about a background task that it has started.  ask: the agent asks the user
    `text`; answered: it no longer asks.  done: the turn ended with the message `text`; with
    `background`, tasks that the turn has started still run.  failed: the turn ended, or keeps
    failing, with the error `text`; `failure` is its class and `reset` the stated end of a limit.
    idle: the agent runs nothing.
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


def parse(provider: Provider, event: str, payload: bytes) -> Heard | None:
    """The event in a report; None for an unknown or malformed report, and for one about another
    turn than the session's own, such as a sub-agent's.
    """
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
        return json_edit.beginning(text)
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
    """The class of a failure: by the name of the error, then by its text."""
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
    """The first truthy value that one of the paths leads to; None if there is none."""
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
    """A string without characters that a database rejects; None for anything else, or if empty."""
    if not isinstance(value, str):
        return None
    return value.replace("\0", "").encode("utf-8", "replace").decode() or None


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and _ID.match(value) else None


def _path(value: object) -> str | None:
    return text if (text := _text(value)) and text.startswith("/") else None

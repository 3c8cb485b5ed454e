"""Finds turns in Codex's records.  The last event of a turn is `task_complete`, with or without
an error, or `turn_aborted`.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from assigner.agents.prompt_match import Typed
from assigner.agents.provider import Transcript
from assigner.agents.transcripts.jsonl import Record, get
from assigner.agents.transcripts.turn import (
    Begun,
    Turn,
    moment,
    name,
    pick,
    text_of,
    time_of,
)


def find(
    shape: Transcript, path: str, records: Sequence[Record], typed: Typed, since: float
) -> Begun | None:
    """The turn of the prompt `typed`, typed at `since` (epoch seconds), with its start; or None."""
    events = [record for record in records if record.get("type") == "event_msg"]
    places, ids, prompts = [], [], []
    current = None
    for place, record in enumerate(events):
        if record.get("payload", "type") in ("task_started", "turn_started"):
            current = name(record.get("payload", "turn_id"))
        said = _prompt(record.get("payload"))
        if said is not None:
            prompts.append((said, time_of(record)))
            places.append(place)
            ids.append(name(record.get("payload", "turn_id")) or current)
    index = pick(typed, prompts, since)
    if index is None:
        return None
    prompt = events[places[index]]
    file = re.search(r"-([0-9a-f]{8}-[0-9a-f-]{27})\.jsonl\Z", path)
    conversation = name(prompt.get("payload", "thread_id")) or (file[1] if file else None)
    turn = Turn("running", conversation, ids[index], path, prompt.offset)
    limits: Any = None
    problem: Any = None
    for record in events[places[index] + 1 :]:
        limits = record.get("payload", "rate_limits") or limits
        if record.get("payload", "type") == "error":
            problem = record.get("payload")
        turn = _step(shape, turn, record, problem)
        if turn.state != "running":
            break
    if turn.failure == "limited":
        turn = replace(turn, reset=_exhausted(limits) or turn.reset)
    return Begun(time_of(prompt) or 0.0, replace(turn, is_past=turn.state != "running"))


def _step(shape: Transcript, turn: Turn, record: Record, problem: Any) -> Turn:
    """The turn after one more event.  Older versions report a problem before the end event."""
    at, payload = time_of(record), record.get("payload")
    kind, id = get(payload, "type"), name(get(payload, "turn_id"))
    if kind in ("task_started", "turn_started"):
        return turn.interrupted(at, "the turn did not end before another turn began")
    if id is not None and turn.turn is not None and id != turn.turn:
        return turn
    match kind:
        case "item_completed" if get(payload, "item", "type") == "AgentMessage":
            return turn.running(text_of(get(payload, "item", "content"), "Text", "text"))
        case "agent_message":
            return turn.running(name(get(payload, "message")))
        case "turn_aborted":
            reason = name(get(payload, "reason"))
            return turn.interrupted(at, None if reason == "interrupted" else reason)
        case "task_complete" | "turn_complete":
            answer = name(get(payload, "last_agent_message"))
            error = get(payload, "error") or (None if answer else problem)
            if error is not None:
                return _error(shape, turn, at, error)
            turn = turn.running(answer)
            if turn.message is None:
                return turn.failed(shape, at, "the turn ended without an answer", None, None)
            return turn.completed(at)
    return turn


def _error(shape: Transcript, turn: Turn, at: float | None, error: Any) -> Turn:
    code, status = get(error, "codex_error_info"), None
    if isinstance(code, dict) and code:
        code, detail = next(iter(code.items()))
        status = get(detail, "http_status_code")
    return turn.failed(shape, at, name(get(error, "message")) or "the turn failed", code, status)


def _prompt(payload: Any) -> str | None:
    """The submitted text, in the events of old and new versions; None for other records."""
    if get(payload, "type") == "user_message":
        return name(get(payload, "message"))
    if get(payload, "item", "type") != "UserMessage":
        return None
    return text_of(get(payload, "item", "content"), "text", "Text")


def _exhausted(limits: Any) -> str | None:
    """When the last of the exhausted limits ends, ISO 8601; None if none is exhausted."""
    ends = [
        get(window, "resets_at")
        for window in (get(limits, "primary"), get(limits, "secondary"))
        if isinstance(used := get(window, "used_percent"), int | float) and used >= 100
    ]
    return moment(max((end for end in ends if isinstance(end, int | float)), default=None))

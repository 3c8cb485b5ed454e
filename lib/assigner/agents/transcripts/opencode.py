"""Finds turns in OpenCode's database of conversations, opened read-only."""

import sqlite3
from dataclasses import replace
from pathlib import PurePath
from urllib.parse import quote

from assigner.agents import provider
from assigner.agents.prompt_match import Typed
from assigner.agents.transcripts import jsonl
from assigner.agents.transcripts import turn as transcripts_turn
from assigner.agents.transcripts.jsonl import get

_SESSIONS = 8  # conversations examined, the latest first
_MESSAGES = 1000
_WAIT = 0.2  # seconds to wait for a locked database
_LONG = 1024 * 1024  # characters of a part of a message
_REJECTED = "The user rejected permission to use this specific tool call."

_CONVERSATIONS = """
    SELECT id FROM session
    WHERE parent_id IS NULL AND (directory = :directory OR :directory IS NULL)
      AND time_updated >= :since
    ORDER BY time_updated DESC LIMIT :most
"""
_SINCE = """
    SELECT rowid, id, time_created, data FROM message
    WHERE session_id = :session AND time_created >= :since AND rowid >= :first
    ORDER BY time_created, id LIMIT :most
"""
_PARTS = "SELECT data FROM part WHERE message_id = ? AND length(data) <= ? ORDER BY id"


def find(
    shape: provider.Transcript,
    path: str,
    directory: str | None,
    typed: Typed,
    since: float,
    offset: int,
) -> list[transcripts_turn.Begun]:
    """The turn of that prompt in each conversation that has it; `offset` is a row id."""
    if not jsonl.is_own(path):
        return []
    try:
        database = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=_WAIT)
    except sqlite3.Error:
        return []
    try:
        # text that is not UTF-8 must not make the whole database unreadable
        database.text_factory = lambda value: value.decode(errors="replace")
        early = int((since - 1) * 1000)
        asked = {"directory": directory, "since": early, "most": _SESSIONS}
        sessions = [str(row[0]) for row in database.execute(_CONVERSATIONS, asked)]
        found = [_in(database, shape, path, id, typed, since, offset) for id in sessions]
    except sqlite3.Error:
        return []
    finally:
        database.close()
    return [begun for begun in found if begun is not None]


def _in(
    database: sqlite3.Connection,
    shape: provider.Transcript,
    path: str,
    session: str,
    typed: Typed,
    since: float,
    offset: int,
) -> transcripts_turn.Begun | None:
    early = int((since - 1) * 1000)
    asked = {"session": session, "since": early, "first": offset, "most": _MESSAGES}
    messages = [
        (int(row), str(id), created / 1000, jsonl.parse(data) or {})
        for row, id, created, data in database.execute(_SINCE, asked)
        if isinstance(created, int) and isinstance(data, str)
    ]
    prompts = [message for message in messages if message[3].get("role") == "user"]
    said_at = [(_said(_parts(database, id)), at) for _, id, at, _ in prompts]
    index = transcripts_turn.pick(typed, said_at, since)
    if index is None:
        return None
    row, prompt, begun, _ = prompts[index]
    turn = transcripts_turn.Turn("running", session, prompt, path, row)
    chain = {prompt}  # also the prompts with which OpenCode continued by itself after a compaction
    compacted, other, answered = False, None, False
    for _, id, at, data in messages[messages.index(prompts[index]) + 1 :]:
        if data.get("role") == "assistant":
            if data.get("parentID") in chain:
                turn = _step(database, shape, turn, id, data)
            answered = answered or other is not None
            continue
        parts = _parts(database, id)
        said = _said(parts)
        again = compacted and typed.is_prompt(said)
        compacted = any(get(part, "type") == "compaction" and get(part, "auto") for part in parts)
        if other is None and (compacted or again or not said):
            chain.add(id)
        else:
            other = other or at
    if turn.state == "running" and other is not None and answered:
        turn = turn.interrupted(other)  # a later prompt waits while a turn runs: this one ended
    return transcripts_turn.Begun(begun, replace(turn, is_past=answered))


def _step(
    database: sqlite3.Connection,
    shape: provider.Transcript,
    turn: transcripts_turn.Turn,
    id: str,
    data: object,
) -> transcripts_turn.Turn:
    """The turn after one more message."""
    ended = get(data, "time", "completed")
    at = ended / 1000 if isinstance(ended, int | float) else None
    parts = _parts(database, id)
    summary = get(data, "summary") is True
    turn = turn.running(None if summary else _said(parts) or None)
    error = get(data, "error")
    if error is not None:
        name, message = get(error, "name"), get(error, "data", "message")
        if name == "MessageAbortedError":
            return turn.interrupted(at)
        message = message if isinstance(message, str) else "the turn failed"
        return turn.failed(shape, at, message, name, get(error, "data", "statusCode"))
    match get(data, "finish"):
        case "tool-calls":
            # the turn ends when the user rejects a tool without a comment
            denied = any(get(part, "state", "error") == _REJECTED for part in parts)
            return turn.interrupted(at, "permission denied") if denied else turn
        case str() if at is not None and not summary:
            return turn.completed(at)
    return turn  # an end without a reason: too long, or interrupted between two tries


def _parts(database: sqlite3.Connection, id: str) -> list[object]:
    """The parts of a message."""
    found = database.execute(_PARTS, (id, _LONG))
    return [jsonl.parse(data) for (data,) in found if isinstance(data, str)]


def _said(parts: list[object]) -> str:
    """The text parts of a message, without those that OpenCode wrote itself."""
    said = [
        get(part, "text")
        for part in parts
        if get(part, "type") == "text" and not get(part, "synthetic") and not get(part, "ignored")
    ]
    return "\n".join(text for text in said if isinstance(text, str) and text)


def database(home: PurePath) -> str:
    """The path of the database below the data directory."""
    return str(home / "opencode" / "opencode.db")

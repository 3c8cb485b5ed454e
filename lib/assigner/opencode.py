"""Turns out of OpenCode's database, which keeps its conversations; only read."""

import sqlite3
from pathlib import PurePath
from urllib.parse import quote

from assigner import records, turns
from assigner.records import get

_SESSIONS = 8  # conversations that are looked at, the latest first
_MESSAGES = 1000
_WAIT = 0.2  # seconds, for a database that is being written
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
    shape: turns.Transcript,
    path: str,
    directory: str | None,
    text: str,
    since: float,
    offset: int,
) -> list[turns.Begun]:
    """The turn of that prompt in each conversation that has it; `offset` is a row id."""
    if not records.is_own(path):
        return []
    try:
        database = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=_WAIT)
    except sqlite3.Error:
        return []
    try:
        # what is not UTF-8 is no reason to know nothing
        database.text_factory = lambda value: value.decode(errors="replace")
        early = int((since - 1) * 1000)
        asked = {"directory": directory, "since": early, "most": _SESSIONS}
        sessions = [str(row[0]) for row in database.execute(_CONVERSATIONS, asked)]
        found = [_in(database, shape, path, id, text, since, offset) for id in sessions]
    except sqlite3.Error:
        return []
    finally:
        database.close()
    return [begun for begun in found if begun is not None]


def _in(
    database: sqlite3.Connection,
    shape: turns.Transcript,
    path: str,
    session: str,
    text: str,
    since: float,
    offset: int,
) -> turns.Begun | None:
    early = int((since - 1) * 1000)
    asked = {"session": session, "since": early, "first": offset, "most": _MESSAGES}
    messages = [
        (int(row), str(id), created / 1000, records.parse(data) or {})
        for row, id, created, data in database.execute(_SINCE, asked)
        if isinstance(created, int) and isinstance(data, str)
    ]
    equal = [
        message
        for message in messages
        if message[3].get("role") == "user"
        and turns.canonical(_text(database, message[1])) == turns.canonical(text)
    ]
    index = turns.choose([at for _, _, at, _ in equal], since)
    if index is None:
        return None
    row, prompt, begun, _ = equal[index]
    turn = turns.Turn("running", session, prompt, path, row)
    for _, id, _, data in messages:
        if data.get("parentID") == prompt and data.get("role") == "assistant":
            turn = _step(database, shape, turn, id, data)
    later = [at for _, _, at, data in messages if data.get("role") == "user" and at > begun]
    if (
        turn.state == "running"
        and later
        and any(
            data.get("role") == "assistant" and data.get("parentID") != prompt and at > begun
            for _, _, at, data in messages
        )
    ):
        turn = turn.interrupted(later[0])  # what is submitted meanwhile waits, if it still runs
    return turns.Begun(begun, turn)


def _step(
    database: sqlite3.Connection, shape: turns.Transcript, turn: turns.Turn, id: str, data: object
) -> turns.Turn:
    """The turn after one more of its messages."""
    ended = get(data, "time", "completed")
    at = ended / 1000 if isinstance(ended, int | float) else None
    turn = turn.running(_text(database, id) or None)
    error = get(data, "error")
    if error is not None:
        name, message = get(error, "name"), get(error, "data", "message")
        if name == "MessageAbortedError":
            return turn.interrupted(at)
        message = message if isinstance(message, str) else "it failed"
        return turn.failed(shape, at, message, name, get(error, "data", "statusCode"))
    if at is None:
        return turn
    match get(data, "finish"):
        case "tool-calls":
            return turn.interrupted(at, "permission denied") if _denied(database, id) else turn
        case None:
            return turn.interrupted(at)  # while it was waiting to try again
    return turn.completed(at)


def _denied(database: sqlite3.Connection, id: str) -> bool:
    """Whether a person rejected a tool and had nothing to add, which ends the turn."""
    parts = [records.parse(data) for (data,) in database.execute(_PARTS, (id, _LONG))]
    return any(get(part, "state", "error") == _REJECTED for part in parts)


def _text(database: sqlite3.Connection, id: str) -> str:
    """The text of a message."""
    parts = [records.parse(data) for (data,) in database.execute(_PARTS, (id, _LONG))]
    said = [
        get(part, "text")
        for part in parts
        if get(part, "type") == "text" and not get(part, "synthetic") and not get(part, "ignored")
    ]
    return "\n".join(text for text in said if isinstance(text, str) and text)


def database(home: PurePath) -> str:
    """Where the database is below the directory of data."""
    return str(home / "opencode" / "opencode.db")

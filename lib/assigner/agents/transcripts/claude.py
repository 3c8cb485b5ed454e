"""Finds turns in Claude Code's records.

`parentUuid` links the records, which are not always in order.  After Escape before the first word
of the answer no further record follows the prompt: only the next prompt shows the interruption.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assigner.agents.prompt_match import Typed
from assigner.agents.provider import Transcript
from assigner.agents.transcripts.jsonl import Record, get
from assigner.agents.transcripts.turn import Begun, Turn, name, pick, text_of, time_of

_ENDS = ("end_turn", "stop_sequence")
_INTERRUPTION = "[Request interrupted by user"
_NO_ANSWER = "No response requested."  # the answer to a prompt from before a restart
_NOT_TYPED = re.compile(r"<[a-z][a-z-]*>")  # commands, their output, reports of background tasks


def find(
    shape: Transcript, path: str, records: Sequence[Record], typed: Typed, since: float
) -> Begun | None:
    """The turn of the prompt `typed`, typed at `since` (epoch seconds), with its start; or None."""
    entries = {
        record.get("uuid"): record
        for record in records
        if name(record.get("uuid")) and not record.get("isSidechain") and time_of(record)
    }
    prompts = [record for record in entries.values() if _is_prompt(record)]
    index = pick(typed, [(_said(prompt), time_of(prompt)) for prompt in prompts], since)
    if index is None:
        return None
    found = _turn(shape, path, prompts[index], entries, prompts)
    for prompt in prompts[index + 1 :]:  # after a usage limit, Claude Code goes on by itself
        if found.turn.failure == "limited" and typed.is_prompt(_said(prompt)):
            found = _turn(shape, path, prompt, entries, prompts)._replace(at=found.at)
    return found


def _turn(
    shape: Transcript,
    path: str,
    prompt: Record,
    entries: dict[str, Record],
    prompts: Sequence[Record],
) -> Begun:
    """The turn of one prompt, with its start."""
    begun = time_of(prompt) or 0.0
    own = sorted(
        _answers(prompt, entries, prompts), key=lambda record: (time_of(record), record.offset)
    )
    turn = Turn(
        "running",
        name(prompt.get("sessionId")),
        name(prompt.get("promptId")) or prompt.get("uuid"),
        path,
        min(record.offset for record in [prompt, *own]),
    )
    last = None
    for record in own:
        turn, last = _step(shape, turn, record, last)
    for other in prompts:
        at = time_of(other)
        if at is not None and at > begun and not _NOT_TYPED.match(_said(other)):
            turn = turn.interrupted(at) if turn.state == "running" else turn
            return Begun(begun, replace(turn, is_past=True))
    return Begun(begun, turn)


def _step(
    shape: Transcript, turn: Turn, record: Record, last: str | None
) -> tuple[Turn, str | None]:
    """The turn after one more record; `last` is the id of the previous message."""
    at, said = time_of(record), _said(record)
    match record.get("type"):
        case "assistant" if record.get("isApiErrorMessage"):
            status = record.get("apiErrorStatus")
            return turn.failed(shape, at, said, record.get("error"), status), None
        case "assistant":
            id = name(record.get("message", "id"))
            if said and id and id == last:
                said = f"{turn.message}\n{said}"
            if record.get("message", "model") == "<synthetic>":  # a partial answer
                return turn.running(said if said != _NO_ANSWER else None).interrupted(at), None
            turn = turn.running(said)
            if said and record.get("message", "stop_reason") in _ENDS:
                turn = turn.completed(at)
            return turn, id if said else last
        case "user" if said.startswith(_INTERRUPTION):
            return turn.interrupted(at), None
        case "user" if record.get("promptId") == turn.turn and not record.get("isCompactSummary"):
            return turn.running(None), last  # a tool's result, or a hook makes the agent continue
        case "system" if record.get("subtype") == "turn_duration" and turn.state == "running":
            return turn.completed(at), None
    return turn, last


def _answers(
    prompt: Record, entries: dict[str, Record], prompts: Sequence[Record]
) -> Iterator[Record]:
    """The records that descend from a prompt and not from a later one."""
    heads = {record.get("uuid") for record in prompts}
    owners: dict[str, str | None] = {head: head for head in heads}
    for id, record in entries.items():
        way = []
        while id not in owners:
            owners[id] = None  # guards against a cycle of links
            way.append(id)
            parent = record.get("parentUuid")
            if not isinstance(parent, str) or parent not in entries:
                owners[id] = _latest(prompts, record)
                break
            id, record = parent, entries[parent]
        for passed in way:
            owners[passed] = owners[id]
    ours = prompt.get("uuid")
    return (entries[id] for id, owner in owners.items() if owner == ours and id != ours)


def _latest(prompts: Sequence[Record], record: Record) -> str | None:
    """The last prompt submitted before a record."""
    at = time_of(record) or 0.0
    before = [(time_of(p) or 0.0, str(p.get("uuid"))) for p in prompts]
    return max((p for p in before if p[0] <= at), default=(0.0, None))[1]


def _is_prompt(record: Record) -> bool:
    if record.get("type") != "user" or record.get("isMeta") or record.get("isCompactSummary"):
        return False
    content = record.get("message", "content")
    if isinstance(content, list) and any(get(p, "type") == "tool_result" for p in content):
        return False
    said = _said(record)
    return bool(said) and not said.startswith(_INTERRUPTION)


def _said(record: Record) -> str:
    return text_of(record.get("message", "content"), "text")

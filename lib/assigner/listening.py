"""What the hooks of agents reported, written down with the attempts whose turns it belongs to.

A turn is ours if its prompt is what was typed for the attempt: its conversation and its number
then tell which reports are its own.  Those of sub-agents, of agents that a turn itself starts,
and of what a person typed are nobody's.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from typing import Any

from assigner import agents, attempts, clock, files, hearing, manners, proc
from assigner.db import Row, Store
from assigner.hearing import Heard

_ENDS = ("done", "failed")


def drain(store: Store, reports: Sequence[files.HookReport]) -> dict[int, Row]:
    """Write down what was reported, then remove it; a row for each attempt that began by it.

    A report that is read twice, because a pass died in between, changes nothing twice.  Those of
    an agent whose file cannot be used wait until it can.
    """
    changed: dict[int, Row] = {}
    reports = [report for report in reports if not _is_unusable(report.provider)]
    with store.transaction():
        live = [
            row
            for row in store.rows("live_attempts")
            if row["stage"] in ("typing", "typed", "submitted")
        ]
        for report in reports:
            heard = _hear(store, report)
            if heard is None:
                continue
            attempt = _whose(live, report, heard)
            if attempt is None:
                _note_conversation(store, report, heard)
            elif _apply(store, attempt, heard, report.at):
                changed[attempt["id"]] = attempts.as_row(
                    attempt, "submitted", f"{report.provider} reported that it has the prompt"
                )
    if not store.dry:
        for report in reports:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(report.path)
    return changed


def turn_of(attempt: Row) -> dict[str, Any]:
    """What is known of an attempt's turn."""
    found: dict[str, Any] = json.loads(attempt["evidence"]).get("turn", {})
    return found


def remember(store: Store, attempt: Row, **facts: Any) -> None:
    """Add, in a transaction, to what is known of a live attempt's turn, by others too meanwhile."""
    live = store.execute(
        "SELECT evidence FROM attempts WHERE id = :id AND outcome IS NULL", {"id": attempt["id"]}
    ).fetchone()
    if live is None:
        return
    evidence = json.loads(live["evidence"])
    evidence["turn"] = evidence.get("turn", {}) | facts
    attempt["evidence"] = json.dumps(evidence, ensure_ascii=False)
    store.update("attempts", attempt["id"], evidence=attempt["evidence"])


def submit(store: Store, attempt: Row, by: str, at: float) -> bool:
    """Write, in a transaction, that an agent has the prompt, and by what that is known."""
    if attempt["stage"] == "submitted" or not attempts.submitted(store, attempt, at):
        return False
    attempt["stage"] = "submitted"
    remember(store, attempt, submitted_by=by)
    reason = f"runs prompt {attempt['prompt_id']}"
    store.run("occupy_session", name=attempt["session"], reason=reason)
    return True


def _is_unusable(provider: str) -> bool:
    return agents.is_agent(provider) and isinstance(agents.usable(provider), str)


def _hear(store: Store, report: files.HookReport) -> Heard | None:
    provider = agents.known(report.provider)
    try:
        payload = report.read()
    except OSError:
        return None
    return hearing.hear(provider, report.event, payload) if provider else None


def _whose(live: list[Row], report: files.HookReport, heard: Heard) -> Row | None:
    """The live attempt in whose session it was reported; where that is in another conversation, or
    no pane is told, the one whose conversation it is of, if that is one's alone.
    """
    mine = [row for row in live if row["provider"] == report.provider]
    places = {(row["server_pid"], row["pane_id"]): row for row in mine}
    at_place = places.get(report.pane) if report.pane else None
    if at_place and turn_of(at_place).get("conversation") in (None, heard.conversation):
        return at_place
    found = [
        row for row in mine
        if heard.conversation and turn_of(row).get("conversation") == heard.conversation
    ]  # fmt: skip
    return found[0] if len(found) == 1 else at_place


def _apply(store: Store, attempt: Row, heard: Heard, at: float) -> bool:
    """Keep one report with its attempt; whether the prompt began to run by it."""
    turn = turn_of(attempt)
    if heard.kind == "prompt":
        return _begin(store, attempt, turn, heard, at)
    bound = turn.get("conversation")
    if bound is None or (heard.conversation and heard.conversation != bound):
        return False
    ours = not (heard.turn and turn.get("turn")) or heard.turn == turn["turn"]
    if heard.turn and heard.turn == turn.get("theirs"):
        if heard.kind == "done":
            remember(store, attempt, background=heard.background)
    elif heard.kind in _ENDS and (ours or turn.get("background")) and "superseded" not in turn:
        remember(
            store, attempt,
            end={
                "kind": heard.kind, "at": clock.text(at), "text": heard.text,
                "failure": heard.failure, "reset": heard.reset,
            },
            background=heard.background,
        )  # fmt: skip
    elif heard.kind == "ask" and ours:
        data = {"question": heard.text}
        store.run(
            "event", prompt_id=attempt["prompt_id"], attempt_id=attempt["id"],
            session=attempt["session"], type="prompt.waiting", data=json.dumps(data),
        )  # fmt: skip
    return False


def _begin(store: Store, attempt: Row, turn: dict[str, Any], heard: Heard, at: float) -> bool:
    """A prompt was submitted: ours, or one that comes after it.  Until the background tasks of ours
    are over the agent may go on with it, before and after what a person asks.
    """
    if "turn" in turn or "conversation" in turn:
        another = heard.turn != turn.get("turn")
        if heard.conversation == turn["conversation"] and another:
            if turn.get("background"):
                remember(store, attempt, theirs=None if heard.background else heard.turn)
            else:
                remember(store, attempt, superseded=clock.text(at))
        return False
    text = files.prompt_of(store.settings, attempt["id"])
    if text is None or not manners.same(heard.text, text):
        return False
    remember(
        store,
        attempt,
        conversation=heard.conversation,
        turn=heard.turn,
        transcript=heard.transcript,
    )
    store.run("set_conversation", name=attempt["session"], conversation=heard.conversation)
    return submit(store, attempt, "hook", at)


def _note_conversation(store: Store, report: files.HookReport, heard: Heard) -> None:
    """A conversation that begins while the session has no prompt of ours is the session's own, if
    it is its agent's: other agents that this, or a person, has started there report from its pane.
    """
    if heard.kind != "start" or not heard.conversation or not report.pane:
        return
    for session in store.rows("sessions"):
        place = session["server_pid"], session["pane_id"]
        known = session["status"] != "offline" and session["current_task_id"] is None
        if not known or (session["provider"], place) != (report.provider, report.pane):
            continue
        new = session["conversation"] is None and proc.stat(report.process) is None
        if new or agents.is_front(report.process, session["pane_pid"]):
            store.run("set_conversation", name=session["name"], conversation=heard.conversation)

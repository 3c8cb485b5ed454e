"""Writes hook reports of agents to the attempts whose turns they belong to.

A turn is ours if its prompt is the text typed for the attempt: its conversation and its number
then identify its reports.  Reports of sub-agents, of agents that a turn itself starts, and of what
a person typed belong to no attempt.
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
    """Write the reports to the database, then delete them.  Returns a row per attempt that began.

    Reading a report twice, because a pass died in between, changes nothing.  Reports of an agent
    whose file is broken are kept until it is repaired.
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
            heard = _parse(store, report)
            if heard is None:
                continue
            attempt = _whose(live, report, heard)
            if attempt is None:
                _note_conversation(store, report, heard)
            elif _apply(store, attempt, heard, report.at):
                changed[attempt["id"]] = attempts.told(
                    attempt, "in_progress", f"{report.provider} reported that it has the prompt"
                )
    if not store.dry:
        for report in reports:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(report.path)
    return changed


def turn_of(attempt: Row) -> dict[str, Any]:
    """What is known of an attempt's turn (the JSON object `turn` of its evidence)."""
    found: dict[str, Any] = json.loads(attempt["evidence"]).get("turn", {})
    return found


def remember(store: Store, attempt: Row, **facts: Any) -> None:
    """Add facts, in a transaction, to a live attempt's turn, to which other passes add as well."""
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
    """Record, in a transaction, that an agent has the prompt, and the evidence for that."""
    if attempt["stage"] == "submitted" or not attempts.submitted(store, attempt, at):
        return False
    attempt["stage"] = "submitted"
    remember(store, attempt, submitted_by=by)
    reason = f"runs prompt {attempt['prompt_id']}"
    store.run("occupy_session", name=attempt["session"], reason=reason)
    return True


def _is_unusable(provider: str) -> bool:
    return agents.is_agent(provider) and isinstance(agents.usable(provider), str)


def _parse(store: Store, report: files.HookReport) -> Heard | None:
    provider = agents.known(report.provider)
    try:
        payload = report.read()
    except OSError:
        return None
    return hearing.parse(provider, report.event, payload) if provider else None


def _whose(live: list[Row], report: files.HookReport, heard: Heard) -> Row | None:
    """The live attempt whose session sent the report.  If that attempt is in another conversation,
    or the pane is unknown: the only attempt in the report's conversation.  Or None.
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
    """Add one report to its attempt.  Returns whether it shows that the prompt began to run."""
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
    """A prompt was submitted: ours or a later one.  Until our background tasks are over, the agent
    may continue our turn before and after a person's prompt.
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
    """A conversation that begins while no prompt of ours runs is the session's own, if its agent
    reports it: other agents that this one, or a person, started there report from the same pane.
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

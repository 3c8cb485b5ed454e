"""Write hook reports of agents to the attempts whose turns they belong to.

A turn belongs to an attempt if its prompt is the text typed for that attempt: its conversation and
number then identify its reports.  Reports of sub-agents, of agents that a turn itself starts, and
of what a person typed belong to no attempt.
"""

import contextlib
import os
from collections.abc import Sequence

from assigner import clock
from assigner.agents import detect
from assigner.agents.hooks import events
from assigner.agents.hooks.events import Heard
from assigner.agents.prompt_match import Typed
from assigner.queue import attempts, logins, sessions
from assigner.queue import events as queue_events
from assigner.store import attempt_files, spool
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt, TurnFacts
from assigner.system import processes

_ENDS = ("done", "failed")
_OF_TURNS = ("start", "prompt", *_ENDS, "idle", "end")


def drain(store: Store, reports: Sequence[spool.HookReport]) -> dict[int, Row]:
    """Write the reports to the database, then delete them.  Returns a row per attempt that began.

    Reading a report twice, because a pass died in between, changes nothing.  Reports of an agent
    whose file is broken are kept until it is repaired.
    """
    changed: dict[int, Row] = {}
    reports = [report for report in reports if not _is_unusable(report.provider)]
    with store.transaction():
        live = [
            row
            for row in store.rows("attempts/live")
            if row["stage"] in ("typing", "typed", "submitted")
        ]
        for report in reports:
            heard = _parse(store, report)
            if heard is None:
                continue
            _note_turn(store, report, heard)
            attempt = _whose(live, report, heard)
            if attempt and _apply(store, attempt, heard, report.at):
                changed[attempt["id"]] = attempts.as_row(
                    attempt, "submitted", f"{report.provider} reported that it has the prompt"
                )
    if not store.dry:
        for report in reports:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(report.path)
    return changed


def _is_unusable(provider: str) -> bool:
    return detect.is_agent(provider) and isinstance(detect.usable(provider), str)


def _parse(store: Store, report: spool.HookReport) -> Heard | None:
    provider = detect.known(report.provider)
    try:
        payload = report.read()
    except OSError:
        return None
    return events.parse(provider, report.event, payload) if provider else None


def _whose(live: list[LiveAttempt], report: spool.HookReport, heard: Heard) -> LiveAttempt | None:
    """The live attempt whose session sent the report.  If that attempt is in another conversation,
    or the pane is unknown: the only attempt in the report's conversation.  Or None.
    """
    mine = [row for row in live if row["provider"] == report.provider]
    places = {(row["server_pid"], row["pane_id"]): row for row in mine}
    at_place = places.get(report.pane) if report.pane else None
    if at_place and attempts.turn_of(at_place).get("conversation") in (None, heard.conversation):
        return at_place
    found = [
        row for row in mine
        if heard.conversation and attempts.turn_of(row).get("conversation") == heard.conversation
    ]  # fmt: skip
    return found[0] if len(found) == 1 else at_place


def _apply(store: Store, attempt: LiveAttempt, heard: Heard, at: float) -> bool:
    """Add one report to its attempt.  Returns whether it shows that the prompt began to run."""
    turn = attempts.turn_of(attempt)
    if heard.kind == "prompt":
        return _begin(store, attempt, turn, heard, at)
    bound = turn.get("conversation")
    if bound is None or (heard.conversation and heard.conversation != bound):
        return False
    ours = not (heard.turn and turn.get("turn")) or heard.turn == turn["turn"]
    if heard.turn and heard.turn == turn.get("other_turn"):
        if heard.kind == "done":
            attempts.remember(store, attempt, background=heard.background)
    elif heard.kind in _ENDS and (ours or turn.get("background")) and "superseded" not in turn:
        attempts.remember(
            store, attempt,
            end={
                "kind": heard.kind, "at": clock.text(at), "text": heard.text,
                "failure": heard.failure, "reset": heard.reset,
            },
            background=heard.background,
        )  # fmt: skip
    elif heard.kind == "ask" and ours:
        queue_events.record(
            store, "prompt.waiting", {"question": heard.text},
            prompt=attempt["prompt_id"], attempt=attempt["id"], session=attempt["session"],
        )  # fmt: skip
    return False


def _begin(store: Store, attempt: LiveAttempt, turn: TurnFacts, heard: Heard, at: float) -> bool:
    """A prompt was submitted: the attempt's or a later one.  Until the background tasks of the
    attempt's turn are over, the agent may continue that turn before and after a person's prompt.
    """
    if "turn" in turn or "conversation" in turn:
        another = heard.turn != turn.get("turn")
        if heard.conversation == turn["conversation"] and another:
            if "limited_until" in turn and _is_same(store, attempt, heard):
                attempts.remember(store, attempt, turn=heard.turn, end=None)  # it goes on by itself
            elif turn.get("background"):
                attempts.remember(
                    store, attempt, other_turn=None if heard.background else heard.turn
                )
            else:
                attempts.remember(store, attempt, superseded=clock.text(at))
        return False
    if not _is_same(store, attempt, heard):
        attempts.remember(store, attempt, other_conversation=heard.conversation)
        if attempt["stage"] == "typed":
            attempts.remember(store, attempt, foreign_prompt_at=clock.text(at))
        return False
    attempts.remember(
        store,
        attempt,
        conversation=heard.conversation,
        turn=heard.turn,
        transcript=heard.transcript,
    )
    sessions.set_conversation(store, attempt["session"], heard.conversation)
    return attempts.submit(store, attempt, "hook", at)


def _is_same(store: Store, attempt: LiveAttempt, heard: Heard) -> bool:
    """Whether a report is about the text that was typed for an attempt."""
    text = attempt_files.prompt_of(store.settings, attempt["id"])
    provider = detect.known(attempt["provider"])
    if text is None or provider is None:
        return False
    return Typed(text, provider.manner).is_prompt(heard.text)


def _note_turn(store: Store, report: spool.HookReport, heard: Heard) -> None:
    """Record what a report of a session's own agent says about its turns and its conversation.

    Other agents that were started in the session report from the same pane.
    """
    if not report.pane or heard.kind not in _OF_TURNS:
        return
    for session in store.rows("sessions/list"):
        place = session["server_pid"], session["pane_id"]
        if session["status"] == "offline" or place != report.pane:
            continue
        if session["provider"] != report.provider:
            continue
        name, known = session["name"], session["conversation"]
        same = heard.conversation is not None and heard.conversation == known
        is_front = same or detect.is_front(report.process, session["pane_pid"])
        new = known is None and processes.stat(report.process) is None
        if heard.kind in ("start", "end"):
            if is_front and not (heard.kind == "start" and same):
                sessions.forget_turns(store, name)
            begins = heard.kind == "start" and session["current_task_id"] is None
            if begins and heard.conversation and (is_front or new):
                sessions.set_conversation(store, name, heard.conversation)
        elif is_front and heard.kind == "prompt":
            sessions.begin_turn(store, name, report.at)
        elif is_front:
            sessions.end_turn(store, name, report.at)
        if is_front and heard.kind == "done":
            logins.renew(store, session, report.at)

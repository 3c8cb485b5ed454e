"""Write what sessions reported through the spool to the attempts that the reports are about."""

import contextlib
import json
import os
from typing import cast

from assigner import clock
from assigner.agents import detect
from assigner.queue import attempts, events, prompts, sessions
from assigner.states import EventType
from assigner.store import spool
from assigner.store.database import Row, Store
from assigner.store.rows import Evidence, LiveAttempt
from assigner.store.spool import Report

Noted = dict[tuple[int, str], set[str]]  # by attempt and type: the texts of existing events
MOST = 5000  # reports of each kind that one pass reads at most


def drain(store: Store) -> tuple[dict[int, Row], bool]:
    """Write the reports in the spool to the database, then delete them.

    Returns a row for each changed attempt, and whether hooks left more reports than one pass reads:
    the next pass reads the rest.  Reading a report twice, because a pass died in between, changes
    nothing.
    """
    spooled = spool.reports(store.settings)
    if spooled:
        elsewhere = {row["id"] for row in store.rows("attempts/on_other_hosts")}
        spooled = [report for report in spooled if report.attempt not in elsewhere]
    if len(spooled) > MOST:
        living = {row["id"] for row in store.rows("attempts/live")}
        spooled = sorted(spooled, key=lambda report: report.attempt not in living)[:MOST]
    changed: dict[int, Row] = {}
    noted: Noted = {}
    by_hooks = spool.hook_reports(store.settings)
    if by_hooks:
        from assigner.outcomes import hook_reports

        changed = hook_reports.drain(store, by_hooks[:MOST])
    flooded = len(by_hooks) > MOST
    if not spooled:
        return changed, flooded
    with store.transaction():
        live = {row["id"]: row for row in store.rows("attempts/live")}
        for report in spooled:
            if report.attempt not in live:
                _late(store, report, noted)
            elif _apply(store, live[report.attempt], report, noted):
                row = live[report.attempt]
                changed[row["id"]] = attempts.as_row(
                    row, "submitted", "the session reported that the prompt runs"
                )
    if not store.dry:
        for report in spooled:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(report.path)
    return changed, flooded


def _apply(store: Store, attempt: LiveAttempt, report: Report, noted: Noted) -> bool:
    """Add one report to its attempt.  Returns whether it shows that the prompt began to run."""
    evidence = attempts.evidence_of(attempt)
    seen = evidence.setdefault("reports", {})
    if report.kind == "said":
        is_turn = detect.is_agent(attempt["provider"])
        runs = attempt["stage"] == "submitted" if is_turn else "started" in seen
        _said(store, attempt, report, evidence, noted, known=runs)
        return False
    if report.kind in seen:
        return False
    if report.kind in ("checking", "checked") and not _check_reported(store, attempt, report):
        return False
    seen[report.kind] = {"at": clock.text(report.at)}
    if report.number is not None:
        seen[report.kind]["number"] = report.number
    if report.word is not None:
        seen[report.kind]["step"] = report.word
    group = report.number if report.kind == "group" else None
    attempts.keep_evidence(store, attempt, evidence, process_group=group)
    if detect.is_agent(attempt["provider"]):
        if report.kind == "begun" and report.number:
            attempts.follow_pane(store, attempt, report.number)
        return False
    if report.kind == "begun":
        exported = json.loads(attempt["session_env"]) | json.loads(attempt["env_vars"])
        sessions.set_env_vars(store, attempt["session"], exported)
        sessions.occupy(store, attempt["session"], f"runs prompt {attempt['prompt_id']}")
        if attempts.advance(store, attempt["id"], attempt["stage"], "submitted", report.at):
            attempt["stage"] = "submitted"
    if report.kind == "started":
        sessions.set_env_vars(store, attempt["session"], json.loads(attempt["env_vars"]))
        prompts.start(store, attempt["prompt_id"], report.at)
        attempt["status"] = "in_progress"
        return True
    return False


def _check_reported(store: Store, attempt: LiveAttempt, report: Report) -> bool:
    """Advance a check by a report on it.  Returns whether the report fits the check's state."""
    if report.kind == "checking" and attempt["check_state"] == "starting":
        attempt["check_state"] = "running"
        at = clock.text(report.at)
        return bool(
            store.run(
                "checks/advance", id=attempt["id"], expected="starting", state="running",
                pid=report.number, started_at=at, tried_at=None,
            )
        )  # fmt: skip
    return report.kind == "checked" and attempt["check_state"] == "running"


def _said(
    store: Store,
    attempt: LiveAttempt,
    report: Report,
    evidence: Evidence,
    noted: Noted,
    *,
    known: bool,
) -> None:
    """Apply a call of the tool `report`: keep the last ok or fail until the prompt has ended."""
    if not known:  # nothing runs yet that could report
        _late(store, report, noted)
        return
    kind = cast(EventType, f"report.{report.word}")  # ok, fail or progress
    new = _note(store, attempt, report, noted, kind, {})
    if new and report.word != "progress":
        evidence["said"] = {"word": report.word, "summary": report.text}
        attempts.keep_evidence(store, attempt, evidence)


def _note(
    store: Store,
    known: LiveAttempt | Row | None,
    report: Report,
    noted: Noted,
    kind: EventType,
    more: Row,
) -> bool:
    """Record the text given to `report` as an event.  Returns False if it was read before."""
    data = {**more, "text": report.text, "at": clock.text(report.at), "pid": report.number}
    text = events.text(data)
    key = report.attempt, kind
    if key not in noted:
        rows = store.rows("task_events/of_attempt", attempt_id=report.attempt, type=kind)
        noted[key] = {row["data"] for row in rows}
    if text in noted[key]:
        return False
    noted[key].add(text)
    prompt, session = (known["prompt_id"], known["session"]) if known else (None, None)
    events.record(store, kind, data, prompt=prompt, attempt=report.attempt, session=session)
    return True


def _late(store: Store, report: Report, noted: Noted) -> None:
    """Record a report on an attempt that has ended, or that this database does not know."""
    known = store.execute(
        "SELECT prompt_id, session FROM attempts WHERE id = :id", {"id": report.attempt}
    ).fetchone()
    if report.kind == "said":
        _note(store, known, report, noted, "report.late", {"report": report.word})
    elif known and report.kind in ("begun", "started", "done", "exit"):
        data = {"report": report.kind, "number": report.number}
        events.record(
            store, "report.late", data,
            prompt=known["prompt_id"], attempt=report.attempt, session=known["session"],
        )  # fmt: skip

"""observe: reads the reports of sessions, and updates their prompts."""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from assigner import (
    agents,
    attempts,
    checks,
    clock,
    conversations,
    files,
    proc,
    screen,
    tmux,
)
from assigner.db import Row, Store
from assigner.files import Report
from assigner.judging import Verdict, judge, prompt_is_drawn
from assigner.weighing import apply_self_report

Noted = dict[tuple[int, str], set[str]]  # by attempt and type: the texts of existing events
MOST = 5000  # reports of each kind that one pass reads at most


def observe(store: Store) -> list[Row]:
    """Drain the spool and judge every live attempt.  Returns a row per changed attempt."""
    changed, flooded = _drain(store)
    live = []
    known = store.rows("live_attempts")
    now = clock.text(clock.now())
    if not store.dry and any(attempt["updated_at"] > now for attempt in known):
        with store.transaction():
            store.run("recount_attempts")
        known = store.rows("live_attempts")
    for attempt in known:
        if not attempt["check_state"]:
            live.append(attempt)
        elif (result := checks.judge(store, attempt)) and checks.conclude(store, result):
            changed[attempt["id"]] = checks.as_row(result)
            if not store.dry:
                files.remove_run(store.settings, attempt["id"])
    turns = [attempt for attempt in live if agents.is_agent(attempt["provider"])]
    runs = [attempt for attempt in live if not agents.is_agent(attempt["provider"])]
    processes = proc.Processes()
    verdicts = [verdict for attempt in runs if (verdict := judge(store, attempt, processes))]
    if turns and not flooded:  # otherwise reports on them may be unread
        from assigner import answering  # imported only if there are agents

        verdicts += answering.judge(store, turns)
    outputs, unread = _outputs(store, verdicts)
    for verdict in verdicts:
        if verdict.attempt["id"] in unread:
            continue  # its output may decide the outcome: the next pass asks again
        output = outputs.get(verdict.attempt["id"])
        row = _write(store, apply_self_report(store, verdict, output), output)
        if row:
            changed[verdict.attempt["id"]] = row
    return [changed[key] for key in sorted(changed)]


def drain(store: Store) -> dict[int, Row]:
    """Write the reports in the spool to the database, then delete them.

    Reading a report twice, because a pass died in between, changes nothing.  The next pass reads
    what exceeds the limit.
    """
    return _drain(store)[0]


def _drain(store: Store) -> tuple[dict[int, Row], bool]:
    """As `drain`; also returns whether hooks left more reports than were read."""
    reports = files.reports(store.settings)
    if elsewhere := {row["id"] for row in store.rows("attempts_elsewhere")} if reports else set():
        reports = [report for report in reports if report.attempt not in elsewhere]
    if len(reports) > MOST:
        living = {row["id"] for row in store.rows("live_attempts")}
        reports = sorted(reports, key=lambda report: report.attempt not in living)[:MOST]
    changed: dict[int, Row] = {}
    noted: Noted = {}
    by_hooks = files.hook_reports(store.settings)
    if by_hooks:
        from assigner import listening

        changed = listening.drain(store, by_hooks[:MOST])
    flooded = len(by_hooks) > MOST
    if not reports:
        return changed, flooded
    with store.transaction():
        live = {row["id"]: row for row in store.rows("live_attempts")}
        for report in reports:
            if report.attempt not in live:
                _late(store, report, noted)
            elif _apply(store, live[report.attempt], report, noted):
                row = live[report.attempt]
                changed[row["id"]] = attempts.told(
                    row, "in_progress", "the session reported that the prompt runs"
                )
    if not store.dry:
        for report in reports:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(report.path)
    return changed, flooded


def _apply(store: Store, attempt: Row, report: Report, noted: Noted) -> bool:
    """Add one report to its attempt.  Returns whether it shows that the prompt began to run."""
    evidence = json.loads(attempt["evidence"])
    seen = evidence.setdefault("reports", {})
    if report.kind == "said":
        is_turn = agents.is_agent(attempt["provider"])
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
    attempt["evidence"] = json.dumps(evidence)
    changes: Row = {"evidence": attempt["evidence"]}
    if report.kind == "group":
        changes["process_group"] = attempt["process_group"] = report.number
    store.update("attempts", attempt["id"], **changes)
    if agents.is_agent(attempt["provider"]):
        if report.kind == "begun" and report.number:
            _adopt(store, attempt, report.number)
        return False
    if report.kind == "begun":
        exported = json.loads(attempt["session_env"]) | json.loads(attempt["env_vars"])
        _set_session_env(store, attempt, exported)
        reason = f"runs prompt {attempt['prompt_id']}"
        store.run("occupy_session", name=attempt["session"], reason=reason)
        if attempts.advance(store, attempt["id"], attempt["stage"], "submitted", report.at):
            attempt["stage"] = "submitted"
    if report.kind == "started":
        _set_session_env(store, attempt, json.loads(attempt["env_vars"]))
        store.run("start_prompt", id=attempt["prompt_id"], at=clock.text(report.at))
        attempt["status"] = "in_progress"
        return True
    return False


def _adopt(store: Store, attempt: Row, pid: int) -> None:
    """The agent was restarted: its pane has another process and other variables."""
    attempt["pane_pid"] = pid
    store.update("attempts", attempt["id"], pane_pid=pid)
    name, exported = attempt["session"], attempt["env_vars"]
    store.run("adopt_pane", name=name, pane_pid=pid, env_vars=exported)


def _check_reported(store: Store, attempt: Row, report: Report) -> bool:
    """Advance a check by a report on it.  Returns whether the report fits the check's state."""
    if report.kind == "checking" and attempt["check_state"] == "starting":
        attempt["check_state"] = "running"
        at = clock.text(report.at)
        return bool(
            store.run(
                "advance_check", id=attempt["id"], expected="starting", state="running",
                pid=report.number, started_at=at, tried_at=None,
            )
        )  # fmt: skip
    return report.kind == "checked" and attempt["check_state"] == "running"


def _set_session_env(store: Store, attempt: Row, exported: Mapping[str, Any]) -> None:
    text = json.dumps(exported, ensure_ascii=False)
    store.run("set_session_env", name=attempt["session"], env_vars=text)


def _said(
    store: Store, attempt: Row, report: Report, evidence: Row, noted: Noted, *, known: bool
) -> None:
    """`report` was called: keep the last ok or fail until the prompt has ended."""
    if not known:  # nothing runs yet that could report
        _late(store, report, noted)
        return
    new = _note(store, attempt, report, noted, f"report.{report.word}", {})
    if new and report.word != "progress":
        evidence["said"] = {"word": report.word, "summary": report.text}
        attempt["evidence"] = json.dumps(evidence)
        store.update("attempts", attempt["id"], evidence=attempt["evidence"])


def _note(
    store: Store, known: Row | None, report: Report, noted: Noted, kind: str, more: Row
) -> bool:
    """Record the text given to `report` as an event.  Returns False if it was read before."""
    event = {
        "attempt_id": report.attempt,
        "type": kind,
        "data": json.dumps(
            {**more, "text": report.text, "at": clock.text(report.at), "pid": report.number},
            ensure_ascii=False,
        ),
    }
    key = report.attempt, kind
    if key not in noted:
        rows = store.rows("events_of_attempt", attempt_id=report.attempt, type=kind)
        noted[key] = {row["data"] for row in rows}
    if event["data"] in noted[key]:
        return False
    noted[key].add(str(event["data"]))
    prompt, session = (known["prompt_id"], known["session"]) if known else (None, None)
    store.run("event", prompt_id=prompt, session=session, **event)
    return True


def _late(store: Store, report: Report, noted: Noted) -> None:
    """A report on an attempt that has ended, or that this database does not know."""
    known = store.execute(
        "SELECT prompt_id, session FROM attempts WHERE id = :id", {"id": report.attempt}
    ).fetchone()
    if report.kind == "said":
        _note(store, known, report, noted, "report.late", {"report": report.word})
    elif known and report.kind in ("begun", "started", "done", "exit"):
        data = {"report": report.kind, "number": report.number}
        store.run(
            "event",
            prompt_id=known["prompt_id"],
            attempt_id=report.attempt,
            session=known["session"],
            type="report.late",
            data=json.dumps(data),
        )


def _write(store: Store, verdict: Verdict, output: str | None) -> Row | None:
    """Write an outcome and remove the attempt's files.  None if another pass was faster."""
    attempt = verdict.attempt
    if verdict.outcome == "completed" and attempt["check_command"]:
        if attempt["cancel_requested_at"]:
            verdict = replace(verdict, outcome="cancelled")
        elif checks.request(store, verdict, output):
            return attempts.told(attempt, "to be checked", attempt["check_command"])
        else:
            return None
    with store.transaction():
        if verdict.outcome == "ending":
            store.update("attempts", attempt["id"], ending="interrupted")
        elif not attempts.finish(
            store,
            attempt,
            verdict.outcome,
            failure_class=verdict.failure_class,
            error=verdict.error,
            exit_status=verdict.exit_status,
            step=verdict.step,
            output=output,
            response=verdict.response,
            reset=verdict.reset,
            evidence=verdict.evidence,
        ):
            return None
        elif verdict.conversation and attempt["affinity"] is not None:
            conversations.keep(store, *verdict.conversation, attempt["affinity"])
    if verdict.outcome != "ending" and not store.dry:
        files.remove_run(store.settings, attempt["id"])
    return attempts.told(attempt, verdict.outcome, verdict.error or "")


def _outputs(store: Store, verdicts: Sequence[Verdict]) -> tuple[dict[int, str], set[int]]:
    """The output of each attempt on its screen, by one tmux client per socket; and the attempts
    whose server exists but did not answer.
    """
    shown = [
        verdict.attempt
        for verdict in verdicts
        if verdict.outcome not in ("ending", "released", "limited")
        and not agents.is_agent(verdict.attempt["provider"])
        and verdict.attempt["stage"] == "submitted"
        and verdict.attempt["now_pane_pid"] == verdict.attempt["pane_pid"]
    ]
    found: dict[int, str] = {}
    unread: set[int] = set()
    for socket in {attempt["socket"] for attempt in shown}:
        mine = [attempt for attempt in shown if attempt["socket"] == socket]
        drawn = {attempt["id"] for attempt in mine if prompt_is_drawn(attempt)}
        try:
            texts = tmux.history(
                socket, store.settings.tmux_timeout, [attempt["pane_id"] for attempt in mine]
            )
        except tmux.NoServer:
            continue
        except tmux.Unreachable:
            unread |= {attempt["id"] for attempt in mine}
            continue
        for attempt in mine:
            if attempt["pane_id"] in texts:
                text = texts[attempt["pane_id"]]
                found[attempt["id"]] = _output(store, attempt, text, attempt["id"] in drawn)
    return found, unread


def _output(store: Store, attempt: Row, text: str, prompt_drawn: bool) -> str:
    """The part of a pane's text from the typed line on, without the next prompt."""
    before, marker, rest = text.rpartition(f"/run/{attempt['id']}/ctx")
    if marker:
        text = rest.partition("\n")[2]
    lines = [line.rstrip() for line in screen.clean(text).rstrip().split("\n")]
    was = before.rpartition("\n")[2].rpartition(" . ")[0].rstrip()
    if prompt_drawn:
        endings = [screen.ending_of(value) for value in json.loads(attempt["prompt_endings"])]
        lines[-1:] = screen.without_prompt(lines[-1], was, endings)
    return screen.tail("\n".join(lines), store.settings.max_output)

"""observe: what sessions reported, and what follows for prompts.

Evidence, best first: the status that the shell reported; that the prompt's process group is
empty; that the shell is back at its prompt; that the pane's process is dead.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assigner import attempts, clock, files, proc, screen, tmux
from assigner.db import Row, Store
from assigner.files import Report


@dataclass(frozen=True)
class Verdict:
    """What is to become of a live attempt: its outcome, or `ending` where processes are left."""

    attempt: Row
    outcome: str
    error: str | None = None
    failure_class: str | None = None
    exit_status: int | None = None
    step: str | None = None
    evidence: Mapping[str, str | None] = field(default_factory=dict)


_STOPPED = (130, 147, 148, 149, 150)  # ended by SIGINT, or stopped, of which no end was reported

STEPS = {
    "cd": "cannot enter the directory",
    "env": "a variable cannot be set",
    "dirty": "the working tree has uncommitted changes: its branch is not switched",
    "branch": "the branch cannot be checked out",
    "verify": "the context does not hold after the prerequisites",
    "session-state": "the session_state of its metadata does not hold",
}


def observe(store: Store) -> list[Row]:
    """Drain the spool and judge every live attempt; what changed, a row for each attempt."""
    changed = drain(store)
    verdicts = [
        verdict for attempt in store.rows("live_attempts") if (verdict := _judge(store, attempt))
    ]
    outputs = _outputs(store, verdicts)
    for verdict in verdicts:
        row = _write(store, verdict, outputs.get(verdict.attempt["id"]))
        if row:
            changed[verdict.attempt["id"]] = row
    return [changed[key] for key in sorted(changed)]


def drain(store: Store) -> dict[int, Row]:
    """Write down what the spool reports, then remove the reports.

    A report that is read twice, because a pass died in between, changes nothing twice.
    """
    reports = files.reports(store.settings)
    changed: dict[int, Row] = {}
    if not reports:
        return changed
    with store.transaction():
        live = {row["id"]: row for row in store.rows("live_attempts")}
        for report in reports:
            if report.attempt not in live:
                _late(store, report)
            elif _apply(store, live[report.attempt], report):
                row = live[report.attempt]
                changed[row["id"]] = _row(row, "in_progress", "its session reported that it runs")
    if not store.dry:
        for report in reports:
            report.path.unlink(missing_ok=True)
    return changed


def _apply(store: Store, attempt: Row, report: Report) -> bool:
    """Keep one report with its attempt; whether the prompt began to run by it."""
    evidence = json.loads(attempt["evidence"])
    seen = evidence.setdefault("reports", {})
    if report.kind in seen:
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
    if report.kind == "begun":
        exported = json.loads(attempt["session_env"]) | json.loads(attempt["env_vars"])
        _set_session_env(store, attempt, exported)
        if attempts.advance(store, attempt["id"], attempt["stage"], "submitted", report.at):
            attempt["stage"] = "submitted"
    if report.kind == "started":
        _set_session_env(store, attempt, json.loads(attempt["env_vars"]))
        store.run("start_prompt", id=attempt["prompt_id"], at=clock.text(report.at))
        attempt["status"] = "in_progress"
        return True
    return False


def _set_session_env(store: Store, attempt: Row, exported: Mapping[str, Any]) -> None:
    text = json.dumps(exported, ensure_ascii=False)
    store.run("set_session_env", name=attempt["session"], env_vars=text)


def _late(store: Store, report: Report) -> None:
    """A report on an attempt that has its outcome, or that this database does not know."""
    known = store.execute(
        "SELECT prompt_id, session FROM attempts WHERE id = :id", {"id": report.attempt}
    ).fetchone()
    if known and report.kind in ("begun", "started", "done", "exit"):
        data = {"report": report.kind, "number": report.number}
        store.run(
            "event",
            prompt_id=known["prompt_id"],
            attempt_id=report.attempt,
            session=known["session"],
            type="report.late",
            data=json.dumps(data),
        )


def _judge(store: Store, attempt: Row) -> Verdict | None:
    """Find out whether a live attempt has come to its end, and how."""
    reports = json.loads(attempt["evidence"]).get("reports", {})
    if attempt["stage"] in ("typing", "typed"):
        return _judge_typed(store, attempt)
    if attempt["stage"] != "submitted":
        return None
    group, leader = attempt["process_group"], attempt["pane_pid"]
    left = proc.members(group, leader) if group else []
    gone = _pane_gone(attempt)
    over = "exit" in reports or gone is not None or _back_at_prompt(attempt)
    if not over:
        return None
    if "exit" not in reports and _unread(store, attempt["id"]):
        return None  # it was reported after the spool was read: the next pass knows
    status = reports.get("done", reports.get("exit", {})).get("number")
    if left:
        stopped = any(member.state == "T" for member in left)
        killed = status is None or status > 128
        if not stopped and killed and attempt["ending"] is None:
            return Verdict(attempt, "ending", f"{left[0].comm} of it is still alive")
        return None
    return _conclude(attempt, reports, status, gone)


def _judge_typed(store: Store, attempt: Row) -> Verdict | None:
    """Typed, perhaps, and not yet reported: has the line been lost?

    The token decides: while it lies there, the prompt has not run; once we have taken it, the
    prompt cannot run.
    """
    settings = store.settings
    since = clock.now() - clock.seconds(attempt["typed_at"] or attempt["updated_at"])
    gone = _pane_gone(attempt)
    waited = since > settings.start_wait and _back_at_prompt(attempt)
    if attempt["stage"] == "typing" and not gone and not attempt["cancel_requested_at"]:
        return None  # deliver asks tmux whether it was typed
    if not (gone or waited or attempt["cancel_requested_at"] or since > 30 * settings.start_wait):
        return None
    if _unread(store, attempt["id"]) or store.dry:
        return None
    if not files.revoke(settings, attempt["id"]):
        if _unread(store, attempt["id"]):
            return None
        unknown = "unverified: it was typed, and what became of it is not known"
        return Verdict(attempt, "unverified", error=unknown)
    if attempt["cancel_requested_at"]:
        return Verdict(attempt, "cancelled")
    if gone:
        return Verdict(attempt, "released", evidence={"vanished": gone})
    never = "it was typed, but the shell did not run it; it can no longer run"
    return _failed(attempt, "rejected", never)


def _conclude(attempt: Row, reports: Row, status: int | None, gone: str | None) -> Verdict:
    """All processes of the attempt are gone: what came of it."""
    ending = attempt["ending"]
    if ending == "cancel" or (attempt["cancel_requested_at"] and status != 0):
        return Verdict(attempt, "cancelled", exit_status=status)
    if ending == "timeout":
        after = f"it ran longer than {attempt['timeout_seconds']:g} s and was ended"
        return _failed(attempt, "timeout", after, status)
    if "exit" in reports and "started" not in reports:
        return _context_failed(attempt, reports)
    if status is None and gone:
        return _failed(attempt, "vanished", f"{gone} while it ran", evidence={"vanished": gone})
    if ending == "interrupted" or status is None:
        return _failed(
            attempt, "interrupted", "its shell is back at the prompt and reported no end", status
        )
    if status == 0:
        return Verdict(attempt, "completed", exit_status=0)
    if status in _STOPPED and "done" not in reports:
        return _failed(attempt, "interrupted", f"its shell reported {status}", status)
    return _failed(attempt, "command", f"exit status {status}", status)


def _failed(
    attempt: Row,
    failure_class: str,
    reason: str,
    status: int | None = None,
    *,
    step: str | None = None,
    evidence: Mapping[str, str | None] | None = None,
) -> Verdict:
    return Verdict(
        attempt,
        "failed",
        error=f"{failure_class}: {reason}",
        failure_class=failure_class,
        exit_status=status,
        step=step,
        evidence=evidence or {},
    )


def _context_failed(attempt: Row, reports: Row) -> Verdict:
    step = reports.get("step", {})
    name, status = step.get("step", "prerequisites"), step.get("number")
    if status is None:
        status = reports["exit"].get("number")
    reason = STEPS.get(name, "a prerequisite failed")
    if name.startswith("prereq-"):
        commands = json.loads(attempt["prerequisites"])
        reason = f"prerequisite '{commands[int(name[7:]) - 1]}' failed"
    if name == "branch":
        reason = f"branch '{attempt['git_branch']}' cannot be checked out"
    return _failed(
        attempt, "context", f"{name}: {reason} (exit status {status})", status, step=name
    )


def _write(store: Store, verdict: Verdict, output: str | None) -> Row | None:
    """Write an outcome and forget the attempt's files; None where somebody was quicker."""
    attempt = verdict.attempt
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
            response=_response(store, attempt, output),
            evidence=verdict.evidence,
        ):
            return None
    if verdict.outcome != "ending" and not store.dry:
        files.remove_run(store.settings, attempt["id"])
    return _row(attempt, verdict.outcome, verdict.error or "")


def _response(store: Store, attempt: Row, output: str | None) -> str | None:
    """What a one-shot command printed on its standard output; else what the screen showed."""
    size = store.settings.max_output
    try:
        with open(store.settings.run / str(attempt["id"]) / "response", "rb") as file:
            file.seek(max(0, file.seek(0, 2) - 4 * size))
            return screen.tail(screen.clean(file.read().decode("utf-8", "replace")), size)
    except OSError:
        return output


def _outputs(store: Store, verdicts: Sequence[Verdict]) -> dict[int, str]:
    """What each attempt left on its screen: one tmux client for each socket."""
    shown = [
        verdict.attempt
        for verdict in verdicts
        if verdict.outcome not in ("ending", "released")
        and verdict.attempt["now_pane_pid"] == verdict.attempt["pane_pid"]
    ]
    found = {}
    for socket in {attempt["socket"] for attempt in shown}:
        mine = [attempt for attempt in shown if attempt["socket"] == socket]
        try:
            texts = tmux.history(
                socket, store.settings.tmux_timeout, [attempt["pane_id"] for attempt in mine]
            )
        except (tmux.NoServer, tmux.Unreachable):
            continue
        for attempt in mine:
            if attempt["pane_id"] in texts:
                found[attempt["id"]] = _output(store, attempt, texts[attempt["pane_id"]])
    return found


def _output(store: Store, attempt: Row, text: str) -> str:
    """The part of a pane's text from the typed line on, without the next prompt."""
    _, marker, rest = text.rpartition(f"/run/{attempt['id']}/ctx")
    if marker:
        text = rest.partition("\n")[2]
    lines = [line.rstrip() for line in screen.clean(text).rstrip().split("\n")]
    endings = [ending["text"].rstrip() for ending in json.loads(attempt["prompt_endings"])]
    if any(end and lines[-1].endswith(end) for end in endings):
        lines.pop()
    return screen.tail("\n".join(lines), store.settings.max_output)


def _pane_gone(attempt: Row) -> str | None:
    """Why the attempt's shell is gone for good; None while it lives or cannot be told."""
    if proc.is_session_leader(attempt["pane_pid"]):
        return None
    if not proc.is_tmux(attempt["server_pid"]):
        return "its tmux server went away"
    if attempt["session_status"] == "offline":
        return f"its session went away ({attempt['status_reason']})"
    return "its shell was killed"


def _back_at_prompt(attempt: Row) -> bool:
    """Whether the session's shell has the terminal and edits a line."""
    process = proc.stat(attempt["pane_pid"])
    if process is None or process.foreground != attempt["pane_pid"]:
        return False
    return proc.terminal(attempt["pane_tty"])[0]


def _unread(store: Store, attempt: int) -> bool:
    """Whether the spool has news of the attempt: what is reported counts more than what is seen."""
    return any(
        name.partition(".")[0] == str(attempt)
        for name in (entry.name for entry in Path(store.settings.spool).iterdir())
    )


def _row(attempt: Row, outcome: str, reason: str) -> Row:
    return {
        "attempt": attempt["id"],
        "prompt": attempt["prompt_id"],
        "session": attempt["session"],
        "outcome": outcome,
        "reason": reason,
    }

"""Checks: commands that decide whether completed work is a success, from request to outcome.

The attempt stays live until its check has ended, so its working tree stays leased and its session
takes no other prompt.  docs/delivery.md has the states.
"""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from assigner import clock, states
from assigner.context import worktrees
from assigner.outcomes.check_runner import MARK
from assigner.queue import attempts, conversations
from assigner.queue.attempts import Verdict
from assigner.store import attempt_files, spool
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt, Reported
from assigner.system import private_files, processes, terminal_text

_SHOWN = 4000  # characters of output in the next attempt's feedback
_START = 30  # a check may take this many times ASSIGNER_START_WAIT to begin
_SLACK = 30.0  # seconds after its time limit and the grace period until a check counts as hanging


@dataclass(frozen=True)
class Result:
    """The end of a check: passed, failed with its reason, or cancelled."""

    attempt: LiveAttempt
    state: str
    reason: str | None = None
    exit_status: int | None = None
    output: str | None = None


def request(store: Store, verdict: Verdict, output: str | None) -> bool:
    """Request a check of completed work.  Returns whether the attempt was still as known."""
    attempt = verdict.attempt
    now = clock.text(clock.now())
    directory = worktrees.directory_of(store, attempt, attempt["session_dir"])
    work = {
        "exit_status": verdict.exit_status,
        "response": verdict.response,
        "output": output,
        "evidence": dict(verdict.evidence),
    }
    with store.transaction():
        if not _is_as_known(store, attempt):
            return False
        if verdict.conversation and attempt["affinity"] is not None:
            conversations.keep(store, *verdict.conversation, attempt["affinity"])
        store.insert(
            "checks",
            {
                "id": attempt["id"],
                "command": attempt["check_command"],
                "directory": directory,
                "seconds": attempt["check_timeout_seconds"] or store.settings.check_timeout,
                "pending_result": json.dumps(work, ensure_ascii=False),
                "wanted_at": now,
                "updated_at": now,
                "updated_by": store.actor,
            },
        )
    return True


def judge(store: Store, attempt: LiveAttempt) -> Result | None:
    """Judge whether a live attempt's check has ended, and how; None if it has not."""
    reports = attempts.evidence_of(attempt).get("reports", {})
    if "checked" in reports:
        return _reported(store, attempt, reports["checked"])
    if attempt["check_state"] == "wanted":
        return Result(attempt, "cancelled") if attempt["cancel_requested_at"] else None
    if store.dry or attempt["id"] in spool.reported(store.settings):
        return None
    if attempt["check_state"] == "starting":
        return _not_begun(store, attempt)
    if runner(attempt) or left_over(store, attempt):
        return None  # deliver ends hanging and left-over processes
    if attempt["cancel_requested_at"]:
        return Result(attempt, "cancelled")
    return Result(
        attempt, "failed", "the runner of the check was killed", output=_output(store, attempt)
    )


def conclude(store: Store, result: Result) -> bool:
    """Write the end of a check and of its attempt.  Returns whether both were still as known."""
    attempt = result.attempt
    work = json.loads(attempt["check_pending_result"])
    outcome, error, failure_class, feedback = "completed", None, None, None
    if result.state == "cancelled":
        outcome = "cancelled"
    elif result.state == "failed":
        outcome, failure_class = "failed", "check"
        error = f"check: {result.reason}"
        feedback = _feedback(attempt, result)
    with store.transaction():
        if not _is_as_known(store, attempt) or not store.run(
            "checks/end",
            id=attempt["id"],
            state=result.state,
            exit_status=result.exit_status,
            reason=result.reason,
            output=result.output,
        ):
            return False
        verdict = Verdict(
            attempt,
            outcome,
            failure_class=failure_class,
            error=error,
            exit_status=work["exit_status"],
            output=work["output"],
            response=work["response"],
            evidence=work["evidence"],
            feedback=feedback,
        )
        ended = attempts.finish(store, verdict)
        assert ended, "nobody writes inside this transaction"
    return True


def as_row(result: Result) -> Row:
    """The row that a pass prints for the end of a check."""
    action = states.action_of(result.state)
    reason = {"passed": "the check passed"}.get(result.state, f"check: {result.reason}")
    return attempts.as_row(result.attempt, action, "" if action == "cancelled" else reason)


def is_overdue(store: Store, attempt: LiveAttempt, now: float) -> bool:
    """Whether a running check should have ended by itself long ago."""
    allowed = float(attempt["check_seconds"]) + store.settings.kill_grace + _SLACK
    return attempts.lasted(attempt, attempt["check_started_at"], now) > allowed


def runner(attempt: LiveAttempt) -> int | None:
    """The process that runs the check, if alive; guards against a reused pid."""
    pid = attempt["check_pid"]
    process = processes.stat(pid)
    if process is None or process.state in "ZX":
        return None
    started = processes.started(pid)
    if started is None or started > clock.seconds(attempt["check_started_at"]) + 2:
        return None
    return int(pid)


def mark(store: Store, attempt: LiveAttempt) -> str:
    """The value that marks the processes of a check in their environment."""
    return f"{store.instance}.{attempt['id']}"


def left_over(store: Store, attempt: LiveAttempt) -> Sequence[int]:
    """The processes of a check whose runner was killed."""
    return processes.marked(MARK, mark(store, attempt))


def _is_as_known(store: Store, attempt: LiveAttempt) -> bool:
    live = store.one("attempts/live_of_prompt", prompt_id=attempt["prompt_id"])
    known = (attempt["id"], attempt["stage"], attempt["evidence"])
    return live is not None and (live["id"], live["stage"], live["evidence"]) == known


def _reported(store: Store, attempt: LiveAttempt, report: Reported) -> Result:
    how, status = report.get("step"), report.get("number")
    output = _output(store, attempt)
    if (how, status) == ("exit", 0):
        return Result(attempt, "passed", None, 0, output)
    if attempt["cancel_requested_at"]:
        return Result(attempt, "cancelled", None, status, output)
    reason = f"exit status {status}"
    if how == "timeout":
        reason = f"ran longer than {attempt['check_seconds']:g} s and was ended"
    elif how == "ended":
        reason = f"ended by signal {(status or 128) - 128}"
    return Result(attempt, "failed", reason, status, output)


def _not_begun(store: Store, attempt: LiveAttempt) -> Result | None:
    """The result if the token shows that no tmux window can still run the check; or None."""
    cancelled = attempt["cancel_requested_at"]
    since = clock.now() - clock.seconds(attempt["check_wanted_at"])
    if not cancelled and since < _START * store.settings.start_wait:
        return None
    revoked = attempt_files.revoke_check(store.settings, attempt["id"])
    if not revoked and attempt["id"] in spool.reported(store.settings):
        return None
    if cancelled:
        return Result(attempt, "cancelled")
    return Result(attempt, "failed", "could not be started: tmux made no window for the check")


def _output(store: Store, attempt: LiveAttempt) -> str | None:
    """The end of the check's output."""
    path = attempt_files.check_directory(store.settings, attempt["id"]) / "output"
    with contextlib.suppress(OSError), private_files.own_file(path) as file:
        text = file.read().decode("utf-8", "replace")
        return terminal_text.tail(terminal_text.clean(text).rstrip("\n"), store.settings.max_output)
    return None


def _feedback(attempt: LiveAttempt, result: Result) -> str:
    """The feedback for the next attempt."""
    text = (
        "An earlier attempt at this task failed the check of its outcome.\n"
        f"The check: {attempt['check_command']}\nThe result: {result.reason}"
    )
    if result.output:
        text += f"\nThe end of its output:\n\n{terminal_text.tail(result.output, _SHOWN)}"
    return f"{text}\n\nThe task again:"

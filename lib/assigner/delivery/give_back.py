"""Giving an attempt back, or failing it, before its prompt was typed."""

from assigner.agents import detect
from assigner.queue import attempts, rests
from assigner.queue.attempts import Verdict
from assigner.store import attempt_files
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt


def release(store: Store, attempt: LiveAttempt, reason: str) -> Row:
    """Give the claim back, because the session has changed.  Returns the row to print."""
    if not _end(store, Verdict(attempt, "released", evidence={"released": reason}), reason):
        return attempts.as_row(attempt, "deferred", reason)
    attempt_files.remove_run(store.settings, attempt["id"])
    return attempts.as_row(attempt, "released", reason)


def fail(
    store: Store,
    attempt: LiveAttempt,
    step: str,
    reason: str,
    failure_class: str = "context",
    *,
    status: int | None = None,
    output: str | None = None,
) -> Row:
    """Fail an attempt that cannot be typed.  Returns the row to print."""
    verdict = Verdict(
        attempt,
        "failed",
        failure_class=failure_class,
        step=step,
        exit_status=status,
        output=output,
        error=f"{failure_class}: {step}: {reason}",
    )
    if not _end(store, verdict):
        return attempts.as_row(attempt, "deferred", f"{step}: {reason}")
    if attempt["stage"] != "preparing":  # a script that prepares a context may still read its files
        attempt_files.remove_run(store.settings, attempt["id"])
    return attempts.as_row(attempt, "failed", f"{step}: {reason}")


def _end(store: Store, verdict: Verdict, given_back: str = "") -> bool:
    """Finish an attempt; False if another pass acts on it, or if its prompt may run already.

    `given_back` is why its session gives the claim back, if it does.  A shell may run its line as
    soon as deliver types it: only by taking the token does a pass know that it cannot.  For an
    agent's attempt the caller has made sure that nothing will be typed.
    """
    attempt = verdict.attempt
    may_run = attempt["stage"] == "typing" and not detect.is_agent(attempt["provider"])
    with store.transaction():
        live = store.one("attempts/live_of_prompt", prompt_id=attempt["prompt_id"])
        if not live or (live["id"], live["stage"]) != (attempt["id"], attempt["stage"]):
            return False
        if may_run and not attempt_files.revoke(store.settings, attempt["id"]):
            return False
        ended = attempts.finish(store, verdict)
        if ended and given_back:
            rests.note_given_back(store, attempt, given_back)
        return ended

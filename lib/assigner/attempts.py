"""Attempts: one try of one prompt in one session, from its claim to its one outcome.

Call every function here inside a transaction.  Every write names the stage that it expects, so
that of two passes which decide about one attempt only the first succeeds.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from assigner import backoff, clock, limits, prompts, worktrees
from assigner.db import Row, Store

# In these stages nothing has been typed yet: the claim can be given back.
UNTYPED = ("claimed", "preparing", "prepared")
# A retry may help after a failed command or a failed check, whose feedback the next attempt gets.
# It does not help after a wrong context; a prompt that a person interrupted is left to that person;
# and a prompt that may have run must not run again unless it is idempotent.
RETRIED = {"command", "api", "check"}
RETRIED_IF_IDEMPOTENT = {"vanished", "timeout"}


def claim(
    store: Store,
    prompt: Row,
    session: Row,
    *,
    score: int,
    context_switch: bool,
    tree: str | None,
    branch: str | None,
    evidence: Mapping[str, Any],
) -> int | None:
    """Claim the session for the prompt, and its working tree.  Returns the attempt's id.

    None if another pass was faster: the schema allows one live attempt per prompt and per session,
    and only between a waiting prompt and an enrolled idle session.
    """
    lease = None
    if tree:
        lease = _lease(store, tree, branch, prompt["git_branch"])
        if lease is None:
            return None
    now = clock.text(clock.now())
    number = store.one("next_number", prompt_id=prompt["id"])
    assert number is not None
    try:
        attempt = store.insert(
            "attempts",
            {
                "prompt_id": prompt["id"],
                "host": store.settings.host,
                "session": session["name"],
                "number": number["number"],
                "score": score,
                "context_switch": int(context_switch),
                "evidence": json.dumps({"claim": dict(evidence)}),
                "lease_id": lease,
                "claimed_at": now,
                "updated_at": now,
                "updated_by": store.actor,
                **{
                    column: session[column]
                    for column in ("socket", "server_pid", "server_start", "pane_id", "pane_pid")
                },
            },
        )
    except sqlite3.IntegrityError:
        if lease:
            store.run("release_lease", id=lease)
        return None
    store.run("claim_prompt", id=prompt["id"], session=session["name"])
    store.run("claim_session", name=session["name"], prompt_id=prompt["id"])
    return attempt


def live_of(store: Store, prompt: int) -> Row:
    """The live attempt of an assigned prompt, as a row of live_attempts."""
    return next(row for row in store.rows("live_attempts") if row["prompt_id"] == prompt)


def advance(store: Store, attempt: int, expected: str, stage: str, at: float | None = None) -> bool:
    """Advance a live attempt from the expected stage.  Returns whether it was in that stage."""
    moment = clock.text(clock.now() if at is None else at)
    return bool(store.run("advance_attempt", id=attempt, expected=expected, stage=stage, at=moment))


def submitted(store: Store, attempt: Row, at: float) -> bool:
    """Record that the session has reported that the prompt's file runs."""
    if attempt["stage"] != "submitted":
        if not advance(store, attempt["id"], attempt["stage"], "submitted", at):
            return False
        store.run("start_prompt", id=attempt["prompt_id"], at=clock.text(at))
    return True


def finish(
    store: Store,
    attempt: Row,
    outcome: str,
    *,
    failure_class: str | None = None,
    error: str | None = None,
    exit_status: int | None = None,
    step: str | None = None,
    output: str | None = None,
    response: str | None = None,
    reset: str | None = None,
    evidence: Mapping[str, Any] | None = None,
    feedback: str | None = None,
) -> bool:
    """Write the outcome of a live attempt, and what follows for prompt, session and working tree.

    `attempt` is a row of live_attempts.  `reset` is the stated end of a limit, `feedback` is for
    the next attempt.  Returns whether the attempt was still as that row says: a verdict is refused
    if more has been reported since.
    """
    now = clock.now()
    at = clock.text(now)
    proof = {**json.loads(attempt["evidence"]), **(evidence or {})}
    if not store.run(
        "finish_attempt",
        id=attempt["id"],
        outcome=outcome,
        failure_class=failure_class,
        exit_status=exit_status,
        step=step,
        output=output,
        evidence=json.dumps(proof),
        known_stage=attempt["stage"],
        known_evidence=attempt["evidence"],
        at=at,
    ):
        return False
    prompt = attempt["prompt_id"]
    if outcome in ("released", "limited"):
        store.run("release_prompt", id=prompt)
        if outcome == "limited":
            account = attempt["account"] or attempt["provider"]
            limits.note(store, account, limits.end(store, reset, now), error or "")
        prompts.hold(store, prompt)
    else:
        retry_at = None
        if outcome == "failed" and _retries(attempt, failure_class):
            settings = store.settings
            pause = backoff.delay(
                attempt["attempts"], base=settings.backoff_base, limit=settings.backoff_limit
            )
            retry_at = clock.text(now + pause)
        store.run(
            "finish_prompt",
            id=prompt,
            status="failed" if outcome == "unverified" else outcome,
            error=error,
            exit_status=exit_status,
            response=response,
            feedback=feedback,
            at=at,
            retry_at=retry_at,
        )
        prompts.release_dependants(store, prompt)
    store.run("release_session", name=attempt["session"], prompt_id=prompt)
    if attempt["lease_id"]:
        release_lease(store, attempt["lease_id"])
    return True


def lasted(attempt: Row, since: str, now: float) -> float:
    """Seconds from a moment of a live attempt to `now`.

    If the clock was set back meanwhile, counts from when `observe` noticed and recorded it.
    """
    passed = now - clock.seconds(since)
    return passed if passed >= 0 else max(0.0, now - clock.seconds(attempt["updated_at"]))


def told(attempt: Row, outcome: str, reason: str) -> Row:
    """What a pass prints of an attempt on which it acted."""
    return {
        "attempt": attempt["id"],
        "prompt": attempt["prompt_id"],
        "session": attempt["session"],
        "outcome": outcome,
        "reason": reason,
    }


def _retries(attempt: Row, failure_class: str | None) -> bool:
    if attempt["cancel_requested_at"] or attempt["attempts"] >= attempt["max_attempts"]:
        return False
    return is_worth_another(attempt, failure_class)


def is_worth_another(attempt: Row, failure_class: str | None) -> bool:
    """Whether another attempt may follow a failed one, because it may succeed and repeats nothing.

    `attempt` has its stage and evidence, and whether its prompt is idempotent.
    """
    if failure_class == "vanished" and attempt["stage"] in UNTYPED:
        return True
    turn = json.loads(attempt["evidence"]).get("turn")
    if failure_class == "vanished" and turn is not None and turn.get("spilt"):
        return False  # a shell may have run lines of it already
    if failure_class == "vanished" and attempt["stage"] == "typed" and turn is not None:
        return not turn.get("entered") or bool(attempt["idempotent"])  # no Enter: no turn
    return failure_class in RETRIED or (
        bool(attempt["idempotent"]) and failure_class in RETRIED_IF_IDEMPOTENT
    )


def _lease(store: Store, tree: str, branch: str | None, wanted: str | None) -> int | None:
    """Take or join the lease of a working tree, which keeps the tree on `branch`.

    None if another prompt keeps the tree on a branch other than `wanted`.
    """
    if lease := store.one("lease_of_tree", tree=tree):
        return int(lease["id"]) if wanted in (None, lease["branch"]) else None
    return store.insert(
        "leases",
        {
            "host": store.settings.host,
            "tree": tree,
            "branch": branch,
            "taken_at": clock.text(clock.now()),
        },
    )


def release_lease(store: Store, lease: int) -> None:
    tree = store.execute("SELECT tree FROM leases WHERE id = :id", {"id": lease}).fetchone()
    if tree and store.run("release_lease", id=lease):
        worktrees.note_use(store, tree["tree"])
        store.run("release_held", held_by="tree in use", held_on=tree["tree"])

"""Attempts: one try of one prompt in one session, from its claim to its one outcome.

Call every function here inside a transaction.  Every write names the stage that it expects: if two
passes decide about one attempt, only the first succeeds.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from assigner import clock
from assigner.queue import agent_versions, faults, leases, limits, outages, prompts, rests, sessions
from assigner.states import UNTYPED, Action
from assigner.store.database import Row, Store
from assigner.store.rows import Evidence, LiveAttempt, Prompt, Session, Tried, TurnFacts

# A retry may help after a failed command or a failed check, whose feedback the next attempt gets.
# It does not help after a wrong context; a person decides about a prompt that a person interrupted;
# and a prompt that may have run must not run again unless it is idempotent.
RETRIED = {"exit_status", "api", "check"}
RETRIED_IF_IDEMPOTENT = {"lost", "timeout"}


@dataclass(frozen=True)
class Verdict:
    """The result of judging a live attempt: its outcome, or `ending` while its processes still run.

    `attempt` is a row of attempts/live.  `response` is the answer, `output` the text on the
    terminal.  `reset` states when a usage limit ends; `noted`: that is recorded already; `ended_at`
    is when an agent's turn ended, in epoch seconds.  `conversation` is an agent and the id of the
    conversation that the next prompt continues; without an id the next prompt begins a new one.
    The next attempt gets `feedback`.  `rest` is why the session gets no prompts for a while.
    """

    attempt: LiveAttempt
    outcome: str
    error: str | None = None
    failure_class: str | None = None
    exit_status: int | None = None
    step: str | None = None
    output: str | None = None
    response: str | None = None
    reset: str | None = None
    noted: bool = False
    ended_at: float | None = None
    conversation: tuple[str, str | None] | None = None
    evidence: Evidence = field(default_factory=Evidence)
    feedback: str | None = None
    rest: str | None = None


def claim(
    store: Store,
    prompt: Prompt,
    session: Session,
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
        lease = leases.take(store, tree, branch, prompt["git_branch"])
        if lease is None:
            return None
    now = clock.text(clock.now())
    from assigner.tmux.panes import PaneId  # 5 ms, for a pass that claims

    number = store.one("attempts/next_number", prompt_id=prompt["id"])
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
                "agent_version": session["agent_version"],
                "claimed_at": now,
                "updated_at": now,
                "updated_by": store.actor,
                **PaneId.of(session)._asdict(),
            },
        )
    except sqlite3.IntegrityError:
        if lease:
            leases.release(store, lease)
        return None
    agent_versions.begin(store, session, prompt["id"])
    outages.begin(store, session, prompt["id"])
    store.run("prompts/claim", id=prompt["id"], session=session["name"], at=now)
    store.run("sessions/claim", name=session["name"], prompt_id=prompt["id"])
    return attempt


def live_of(store: Store, prompt: int) -> LiveAttempt:
    """The live attempt of an assigned prompt, as a row of the query attempts/live.

    Raises StopIteration if the prompt has none.
    """
    return next(row for row in store.rows("attempts/live") if row["prompt_id"] == prompt)


def advance(store: Store, attempt: int, expected: str, stage: str, at: float | None = None) -> bool:
    """Advance a live attempt from the expected stage; `at` is in epoch seconds, by default now.

    Returns whether the attempt was live and in that stage.
    """
    moment = clock.text(clock.now() if at is None else at)
    return bool(
        store.run("attempts/advance", id=attempt, expected=expected, stage=stage, at=moment)
    )


def submitted(store: Store, attempt: LiveAttempt, at: float) -> bool:
    """Record that the session runs the prompt since `at` (epoch seconds).

    Returns whether the attempt is in the stage `submitted` now.
    """
    if attempt["stage"] != "submitted":
        if not advance(store, attempt["id"], attempt["stage"], "submitted", at):
            return False
        prompts.start(store, attempt["prompt_id"], at)
    return True


def submit(store: Store, attempt: LiveAttempt, by: str, at: float) -> bool:
    """Record that an agent has the prompt since `at` (epoch seconds); `by` names the evidence.

    Returns whether that was not recorded before.
    """
    if attempt["stage"] == "submitted" or not submitted(store, attempt, at):
        return False
    attempt["stage"] = "submitted"
    remember(store, attempt, submitted_by=by)
    sessions.occupy(store, attempt["session"], f"runs prompt {attempt['prompt_id']}")
    return True


def evidence_of(attempt: Tried) -> Evidence:
    """What has been recorded of an attempt."""
    found: Evidence = json.loads(attempt["evidence"])
    return found


def turn_of(attempt: Tried) -> TurnFacts:
    """What is known of an attempt's turn (the JSON object `turn` of its evidence)."""
    return evidence_of(attempt).get("turn", {})


def remember(store: Store, attempt: LiveAttempt, **facts: Unpack[TurnFacts]) -> None:
    """Add facts to a live attempt's turn; keeps the facts that other passes have added."""
    live = store.execute(
        "SELECT evidence FROM attempts WHERE id = :id AND outcome IS NULL", {"id": attempt["id"]}
    ).fetchone()
    if live is None:
        return
    evidence: Evidence = json.loads(live["evidence"])
    evidence["turn"] = {**evidence.get("turn", {}), **facts}
    keep_evidence(store, attempt, evidence)


def keep_evidence(
    store: Store,
    attempt: LiveAttempt,
    evidence: Evidence,
    *,
    process_group: int | None = None,
) -> None:
    """Write a live attempt's evidence, and its process group if given, to database and row."""
    attempt["evidence"] = json.dumps(evidence, ensure_ascii=False)
    if process_group is not None:
        attempt["process_group"] = process_group
    store.run(
        "attempts/keep_evidence",
        id=attempt["id"],
        evidence=attempt["evidence"],
        process_group=process_group,
    )


def follow_pane(store: Store, attempt: LiveAttempt, pane_pid: int) -> None:
    """Record that a live attempt's agent was restarted in the same pane, with its variables."""
    attempt["pane_pid"] = pane_pid
    store.run("attempts/follow_pane", id=attempt["id"], pane_pid=pane_pid)
    sessions.adopt_pane(store, attempt["session"], pane_pid, attempt["env_vars"])


def stop(store: Store, attempt: LiveAttempt, reason: str | None, signal: str, at: float) -> bool:
    """Record that the pass is about to send a signal to a live attempt, and why.

    Returns whether the attempt is still live.
    """
    moment = clock.text(at)
    return bool(
        store.run(
            "attempts/stop", id=attempt["id"], stop_reason=reason, stop_signal=signal, at=moment
        )
    )


def interrupt(store: Store, attempt: LiveAttempt) -> bool:
    """Record that later passes must end an attempt's remaining processes.

    Returns whether no reason to stop the attempt was recorded before.
    """
    return bool(store.run("attempts/interrupt", id=attempt["id"]))


def recount(store: Store) -> None:
    """Restart the waiting times of live attempts at the current time, if the clock was set back."""
    store.run("attempts/restart_clock")


def finish(store: Store, verdict: Verdict) -> bool:
    """Write the outcome of a live attempt, and update its prompt, session and working tree.

    Returns whether the attempt still equals the verdict's row.  If not, a newer report has arrived
    that the verdict does not consider, and nothing changes.
    """
    now = clock.now()
    at = clock.text(now)
    attempt = verdict.attempt
    proof: Evidence = {**evidence_of(attempt), **verdict.evidence}
    if not store.run(
        "attempts/finish",
        id=attempt["id"],
        outcome=verdict.outcome,
        failure_class=verdict.failure_class,
        exit_status=verdict.exit_status,
        step=verdict.step,
        output=verdict.output,
        evidence=json.dumps(proof),
        known_stage=attempt["stage"],
        known_evidence=attempt["evidence"],
        at=at,
    ):
        return False
    prompt = attempt["prompt_id"]
    shared = faults.settle(
        store, attempt, verdict.outcome, verdict.failure_class, verdict.error or ""
    )
    if verdict.outcome in ("released", "limited"):
        store.run("prompts/release", id=prompt)
        if verdict.outcome == "limited" and not verdict.noted:
            account = attempt["account"] or attempt["provider"]
            limits.note(store, account, limits.end(store, verdict.reset, now), verdict.error or "")
        prompts.hold(store, prompt)
    elif shared:
        store.run("prompts/release", id=prompt)
        prompts.hold(store, prompt)
    else:
        retry_at = None
        if verdict.outcome == "failed" and _retries(attempt, verdict.failure_class):
            from assigner.queue import backoff

            settings = store.settings
            pause = backoff.delay(
                attempt["attempts"], base=settings.backoff_base, limit=settings.backoff_limit
            )
            retry_at = clock.text(now + pause)
        store.run(
            "prompts/finish",
            id=prompt,
            status="failed" if verdict.outcome == "unverified" else verdict.outcome,
            error=verdict.error,
            exit_status=verdict.exit_status,
            response=verdict.response,
            feedback=verdict.feedback,
            at=at,
            retry_at=retry_at,
        )
        prompts.release_dependants(store, prompt)
    store.run(
        "sessions/release", name=attempt["session"], prompt_id=prompt, outcome=verdict.outcome
    )
    agent_versions.end(store, attempt, verdict.outcome, verdict.failure_class, proof)
    if verdict.evidence.get("ended_by") in ("hook", "transcript", "screen"):
        sessions.end_turn(store, attempt["session"], verdict.ended_at or now)
    if verdict.rest:
        rests.begin(store, attempt["session"], verdict.rest)
    if attempt["lease_id"]:
        leases.release(store, attempt["lease_id"])
    return True


def lasted(attempt: LiveAttempt, since: str, now: float) -> float:
    """Seconds from `since`, a time of a live attempt, to `now` (epoch seconds).

    If the clock was set back in between, counts from when `observe` noticed and recorded that.
    """
    passed = now - clock.seconds(since)
    return passed if passed >= 0 else max(0.0, now - clock.seconds(attempt["updated_at"]))


def as_row(attempt: LiveAttempt, action: Action, reason: str) -> Row:
    """The row that a pass prints for an attempt on which it acted."""
    return {
        "attempt": attempt["id"],
        "prompt": attempt["prompt_id"],
        "session": attempt["session"],
        "action": action,
        "reason": reason,
    }


def _retries(attempt: LiveAttempt, failure_class: str | None) -> bool:
    if attempt["cancel_requested_at"] or attempt["attempts"] >= attempt["max_attempts"]:
        return False
    return is_worth_another(attempt, failure_class)


def is_worth_another(attempt: Tried, failure_class: str | None) -> bool:
    """Whether another attempt may follow a failed one: it may succeed, and repeats nothing."""
    if failure_class == "lost" and attempt["stage"] in UNTYPED:
        return True
    turn = evidence_of(attempt).get("turn")
    if failure_class == "not_accepted":
        return turn is not None and turn.get("removed", False)
    if failure_class == "lost" and turn is not None and turn.get("may_have_leaked"):
        return False  # a shell may have run lines of the prompt already
    if failure_class == "lost" and attempt["stage"] == "typed" and turn is not None:
        return not turn.get("enter_pressed_at") or bool(attempt["idempotent"])  # no Enter: no turn
    return failure_class in RETRIED or (
        bool(attempt["idempotent"]) and failure_class in RETRIED_IF_IDEMPOTENT
    )


def forget_outputs(store: Store, rows: Sequence[Row]) -> None:
    """Empty the output of attempts, by the `id` of each row."""
    store.run_many("attempts/empty_output", rows)

"""The turn of an agent that may go on by itself once its usage limit has ended.

Claude Code since 2.1.234 does so by default, while a client is attached to its pane
(https://github.com/anthropics/claude-code/issues/91535).  Until it is known whether the agent goes
on, the turn remains the attempt's: the prompt would run twice if another session got it meanwhile.
"""

from dataclasses import replace

from assigner import clock
from assigner.agents import version as agents_version
from assigner.agents.provider import Provider
from assigner.outcomes import shell_run
from assigner.queue import attempts, limits
from assigner.queue.attempts import Verdict
from assigner.sessions.sight import Sight
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt


def decide(
    store: Store, provider: Provider, verdict: Verdict, sight: Sight | None
) -> Verdict | None:
    """The verdict to write for a turn that the evidence calls `limited`; None if it may go on.

    `verdict.ended_at` is when the turn ended; a later end than before means a new limit.
    """
    attempt, now = verdict.attempt, clock.now()
    if verdict.outcome != "limited" or not _may_go_on(provider, attempt):
        return verdict
    turn, ended = attempts.turn_of(attempt), verdict.ended_at
    until, met = turn.get("limited_until"), clock.text(ended or 0.0)
    if until is None or met > turn["limit_met_at"]:
        until = limits.end(store, verdict.reset, now if ended is None else ended)
        account = attempt["account"] or attempt["provider"]
        with store.transaction():
            attempts.remember(store, attempt, limit_met_at=met, limited_until=until)
            limits.note(store, account, until, verdict.error or "")
    if is_gone(attempt, sight):
        return replace(verdict, noted=True)
    if now < clock.seconds(until) + store.settings.limit_grace:
        return None
    if sight is None or sight.status == "busy":
        return None  # it goes on, or cannot be seen
    return replace(verdict, noted=True)


def _may_go_on(provider: Provider, attempt: LiveAttempt) -> bool:
    """Whether an agent may go on by itself: it is known to, or its version was never recorded."""
    version = attempt["agent_version"]
    return provider.continues or bool(
        version and agents_version.is_newer(version, provider.recorded)
    )


def is_gone(attempt: LiveAttempt, sight: Sight | None) -> bool:
    """Whether the agent has ended, so that nothing of the turn goes on."""
    if sight is not None and sight.status == "offline":
        return True
    return shell_run.pane_gone(attempt) is not None

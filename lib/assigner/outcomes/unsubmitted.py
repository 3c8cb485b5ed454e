"""The outcome of a prompt that was pasted into an agent, and is not known to be submitted.

No attempt waits for ever: after ASSIGNER_SUBMIT_WAIT seconds, or the prompt's own time limit,
deliver removes the text.  Only if the text is known to have left the composer without a turn may
the prompt be typed again.  Where it cannot be removed, anybody's later Enter may still send it.
"""

from assigner import clock
from assigner.agents import prompt_text
from assigner.agents.provider import Provider
from assigner.outcomes import agent_turn, pasted_text, shell_run
from assigner.queue import attempts
from assigner.queue.attempts import Verdict
from assigner.sessions.sight import Sight
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt
from assigner.system import processes

_LAG = 5.0  # seconds by which hooks, transcripts and screens may be late
_REMOVAL = 6  # the removal of the text may take this many times ASSIGNER_START_WAIT
_LEAKED = (
    "the agent ended while the prompt was being pasted, and its shell may have run lines of it:"
    " look there; it is not retried automatically"
)


def is_overdue(store: Store, attempt: LiveAttempt, more: float = 0) -> bool:
    """Whether a pasted prompt should have been submitted `more` seconds ago at the latest."""
    if attempt["typed_at"] is None:
        return False
    bound = min(store.settings.submit_wait, attempt["timeout_seconds"] or 1e12)
    return attempts.lasted(attempt, attempt["typed_at"], clock.now()) > bound + more


def judge(
    store: Store,
    attempt: LiveAttempt,
    provider: Provider,
    gone: str | None,
    sight: Sight | None,
    text: str | None,
) -> Verdict | None:
    """The verdict on an attempt that may be typed, but is not known to be submitted.

    `gone` is why its pane is gone, `text` what was pasted.  None if the attempt goes on.
    """
    shown = sight.shown if sight else None
    rest = f"prompt {attempt['prompt_id']} may still stand in its composer"
    if attempt["cancel_requested_at"]:
        since = attempts.lasted(attempt, attempt["cancel_requested_at"], clock.now())
        manner, covered = provider.manner, not gone and _is_covered(sight)
        if covered and since < pasted_text.PATIENCE * store.settings.start_wait:
            return None
        if not gone and pasted_text.is_awaited(store, attempt, manner, shown, text, since):
            return None
        return Verdict(attempt, "cancelled", rest=rest if covered else None)
    if gone:
        if _may_have_leaked(store, attempt, text):
            return agent_turn.ended(attempt, "lost", f"{gone}: {_LEAKED}", gone)
        if attempt["stage"] == "typing":  # Enter follows only once the text is known to be typed
            return Verdict(attempt, "released", evidence={"vanished": gone})
        return agent_turn.ended(attempt, "lost", f"{gone} after the prompt was typed", gone)
    if attempt["stage"] == "typing":
        return None
    gone_for = _note_absence(store, attempt, sight)
    if gone_for is not None and gone_for < _LAG:
        return None
    if gone_for is not None:
        reason = _how_left(attempt, sight)
        with store.transaction():
            attempts.remember(store, attempt, removed=True)
        return Verdict(
            attempt, "failed", failure_class="not_accepted", error=f"not_accepted: {reason}"
        )
    if not is_overdue(store, attempt, _REMOVAL * store.settings.start_wait):
        return None
    where = f"in {attempt['session']}: {sight.reason}" if sight else f"in {attempt['session']}"
    return Verdict(
        attempt,
        "unverified",
        error=f"unverified: typed, but not known to be submitted; look {where}",
        rest=rest,
    )


def _is_covered(sight: Sight | None) -> bool:
    """Whether something covers the composer, for instance copy mode."""
    if sight is None or sight.status != "occupied":
        return False
    return sight.shown is None or sight.shown.verdict.draft is None


def _note_absence(store: Store, attempt: LiveAttempt, sight: Sight | None) -> float | None:
    """For how many seconds the text has been known to have left the composer without a turn, and
    records since when; None if that is not known.
    """
    since, now = attempts.turn_of(attempt).get("quiet_since"), clock.now()
    left = sight is not None and _has_left(attempt, sight)
    if left != (since is not None):
        with store.transaction():
            attempts.remember(store, attempt, quiet_since=clock.text(now) if left else None)
    if not left:
        return None
    return clock.since(since, now) if since else 0.0


def _has_left(attempt: LiveAttempt, sight: Sight) -> bool:
    """Whether the composer is empty, and its text was deleted: by deliver, or by a person before
    Enter was pressed, where only hooks prove that nothing was submitted.
    """
    if sight.shown is None or sight.status != "idle":
        return False
    if "foreign_prompt_at" in attempts.turn_of(attempt):
        return False
    screen = sight.shown.screen
    if pasted_text.presses(attempt, screen.interrupted):
        return True
    return not pasted_text.presses(attempt, screen.entered) and attempt["conversation"] is not None


def _how_left(attempt: LiveAttempt, sight: Sight | None) -> str:
    """Why the text of an attempt is no longer in the composer, and what to look at."""
    shown = sight.shown if sight else None
    presses = pasted_text.presses(attempt, shown.screen.entered) if shown else 0
    if not presses:
        return "the agent did not submit the prompt, and the text was removed from its composer"
    times = "once" if presses == 1 else f"{presses} times"
    return (
        f"Enter was pressed {times} and did not submit the prompt (look at the agent's key bindings"
        " and modes); the text was removed from its composer"
    )


def _may_have_leaked(store: Store, attempt: LiveAttempt, text: str | None) -> bool:
    """Whether a vanished agent may have left a part of its prompt to the shell behind it.

    Recorded with the turn, so that no other attempt follows automatically.
    """
    turn, short = (
        attempts.turn_of(attempt),
        text is not None and not prompt_text.may_have_leaked(text),
    )
    if short or turn.get("enter_pressed_at") or turn.get("agent_pid") == attempt["pane_pid"]:
        return False  # in the last case no shell is behind the agent
    if not processes.is_tmux(attempt["server_pid"]):
        return False  # its shell is gone as well
    if attempt["stage"] == "typing" and not shell_run.was_typed(store, attempt):
        return False
    with store.transaction():
        attempts.remember(store, attempt, may_have_leaked=True)
    return True

"""The outcome of an agent's turn: from its hooks, its transcript, and last from its screen.

Only evidence about the turn's own prompt ends it, never the mere fact that its session is idle.
"""

from collections.abc import Sequence

from assigner import clock
from assigner.agents import detect, prompt_text, screen_rules
from assigner.agents.provider import Provider
from assigner.agents.transcripts.turn import Turn
from assigner.outcomes import limit_wait, pasted_text, shell_run, turn_search, unsubmitted
from assigner.queue import attempts as queue_attempts
from assigner.queue import limits
from assigner.queue.attempts import Verdict
from assigner.sessions import known_panes
from assigner.sessions.sight import Key, Sight
from assigner.store import attempt_files, spool
from assigner.store.database import Store
from assigner.store.rows import Evidence, LiveAttempt, TurnFacts
from assigner.system import terminal_text, time_zones
from assigner.tmux.panes import PaneId

_LAG = 5.0  # seconds by which a screen or transcript may be late
_PATIENCE = 3  # a turn may leave no trace for this many times ASSIGNER_START_WAIT


def judge(store: Store, turns: Sequence[LiveAttempt]) -> list[Verdict]:
    """The verdicts on live attempts in agents' sessions; one look at those without a report."""
    verdicts = {}
    open_ = []
    reported = {attempt["id"]: _from_hooks(attempt) for attempt in turns}
    for attempt in turns:
        verdict = reported[attempt["id"]]
        if verdict and verdict.outcome != "limited":
            verdicts[attempt["id"]] = verdict
        elif attempt["stage"] in ("typing", "typed", "submitted"):
            open_.append(attempt)
    sights = _look(store, open_)
    for attempt in open_:
        provider = detect.usable(attempt["provider"])
        if isinstance(provider, str):
            continue  # deliver reports the broken file
        sight = sights.get((attempt["socket"], attempt["pane_id"]))
        verdict = reported[attempt["id"]] or _from_traces(store, attempt, provider, sight)
        if verdict and (verdict := limit_wait.decide(store, provider, verdict, sight)):
            verdicts[attempt["id"]] = verdict
    unread = spool.reported(store.settings) if verdicts and not store.dry else set()
    return [verdicts[key] for key in sorted(verdicts.keys() - unread)]


def _from_hooks(attempt: LiveAttempt) -> Verdict | None:
    turn = queue_attempts.turn_of(attempt)
    end = turn.get("end")
    if attempt["stage"] != "submitted" or end is None or turn.get("background"):
        return None
    if end["kind"] == "done":
        return _completed(attempt, end["text"], "hook")
    at = clock.seconds(end["at"])
    reset = _moment(attempt, end["reset"], at)
    return _failed(attempt, end["failure"], end["text"], reset, "hook", at)


def _look(store: Store, attempts: Sequence[LiveAttempt]) -> dict[Key, Sight]:
    if not attempts:
        return {}
    panes = {pane.identity: pane for pane in known_panes.list_panes(store)[0]}
    return known_panes.look_at(
        store,
        [(attempt, pane) for attempt in attempts if (pane := panes.get(PaneId.of(attempt)))],
    )


def _from_traces(
    store: Store, attempt: LiveAttempt, provider: Provider, sight: Sight | None
) -> Verdict | None:
    """The verdict from the turn's transcript, screen and process; None while it runs."""
    gone = shell_run.pane_gone(attempt)
    if gone is None and sight is None:
        return None  # the tmux server cannot be asked
    if sight is not None and sight.status == "offline":
        gone = gone or sight.reason
    overdue = attempt["stage"] != "submitted" and unsubmitted.is_overdue(store, attempt)
    if gone is None and sight is not None and sight.status in ("busy", "waiting") and not overdue:
        _under_way(store, attempt)
        if verdict := _behind_another(store, attempt, provider):
            return verdict
        return _behind_screen(store, attempt, provider, sight)
    if (
        gone is None
        and queue_attempts.turn_of(attempt).get("background")
        and not attempt["stop_reason"]
    ):
        return _after_tasks(store, attempt, sight)
    shown = sight and sight.shown
    text = attempt_files.prompt_of(store.settings, attempt["id"])
    if gone is None and pasted_text.is_put_back(attempt, provider.manner, shown, text):
        return None  # deliver deletes the text first
    if (
        attempt["typed_at"]
        and text is not None
        and (found := turn_search.read(store, attempt, provider, text))
    ):
        if attempt["stage"] != "submitted":
            with store.transaction():
                queue_attempts.submit(store, attempt, "transcript", clock.now())
        if verdict := _from_turn(attempt, found):
            return verdict
    if attempt["stage"] != "submitted":
        return unsubmitted.judge(store, attempt, provider, gone, sight, text)
    if gone and "limited_until" in queue_attempts.turn_of(attempt):
        return Verdict(attempt, "limited", error=gone, evidence={"vanished": gone})
    if gone:
        return ended(attempt, "lost", f"{gone} while the prompt ran", evidence={"vanished": gone})
    assert sight is not None
    if (
        text is not None
        and _is_quiet(attempt)
        and (verdict := _from_screen(attempt, provider, sight, text))
    ):
        return verdict
    return _silent(store, attempt, sight)


def _after_tasks(store: Store, attempt: LiveAttempt, sight: Sight | None) -> Verdict | None:
    """The turn has ended, and background tasks that it started still run: the report of their end
    decides.  A task that never ends, such as a server, gives no report.
    """
    end = queue_attempts.turn_of(attempt).get("end")
    assert end is not None
    waits = clock.now() - clock.seconds(end["at"]) < store.settings.stuck_after
    if waits or sight is None or sight.status != "idle":
        return None
    return _completed(attempt, end["text"], "hook")


def _from_turn(attempt: LiveAttempt, found: Turn) -> Verdict | None:
    if found.state == "running":
        return None
    if found.state == "completed":
        return _completed(attempt, found.message, "transcript")
    error = found.error or "the transcript shows an interruption"
    reset = _moment(attempt, found.reset, found.at)
    return _failed(attempt, found.failure, error, reset, "transcript", found.at)


def _behind_another(store: Store, attempt: LiveAttempt, provider: Provider) -> Verdict | None:
    """The verdict on a turn that must end, if the screen shows another turn: a transcript lags
    behind the screen.
    """
    if attempt["stage"] != "submitted" or not attempt["stop_reason"]:
        return None
    text = attempt_files.prompt_of(store.settings, attempt["id"])
    found = turn_search.read(store, attempt, provider, text) if text is not None else None
    if found is None or not found.is_past or found.at is None or clock.now() - found.at < _LAG:
        return None
    return _from_turn(attempt, found)


def _behind_screen(
    store: Store, attempt: LiveAttempt, provider: Provider, sight: Sight
) -> Verdict | None:
    """The verdict by the transcript where the screen shows something else: a dialog, such as the
    menu of a limit, or a spinner that stays in the title of an agent that writes nothing.

    Where hooks report the turn, they must report its end, too, but for a limit.
    """
    silence = clock.now() - sight.pane.activity
    is_still = sight.status == "waiting" or silence >= store.settings.quiet
    text = attempt_files.prompt_of(store.settings, attempt["id"])
    if attempt["stage"] != "submitted" or not is_still or text is None:
        return None
    found = turn_search.read(store, attempt, provider, text)
    if found is None or found.at is None or clock.now() - found.at < _LAG:
        return None
    if queue_attempts.turn_of(attempt).get("conversation") and found.failure != "limited":
        return None
    return _from_turn(attempt, found)


def _is_quiet(attempt: LiveAttempt) -> bool:
    """Whether the session has looked idle for a while: a screen lags behind hooks."""
    since = queue_attempts.turn_of(attempt).get("quiet_since")
    return since is not None and clock.now() - clock.seconds(since) >= _LAG


def _from_screen(
    attempt: LiveAttempt, provider: Provider, sight: Sight, text: str
) -> Verdict | None:
    if sight.shown is None or sight.status not in ("idle", "limited", "occupied"):
        return None
    if prompt_text.shows(sight.shown.verdict.draft, text, provider.manner):
        reason = "before an answer began: the text is in the composer again"
        return _failed(attempt, "interrupted", reason, None, "screen")
    found = screen_rules.failure(provider, sight.shown.view, text)
    if found is None:
        return None
    failure, error, reset = found
    reset = _moment(attempt, reset, sight.shown.screen.activity)
    return _failed(attempt, failure, error, reset, "screen")


def _under_way(store: Store, attempt: LiveAttempt) -> None:
    """Record that the turn runs: it is not silent.

    A running turn that deliver has not submitted shows that a person has pressed Enter.
    """
    changed: TurnFacts = {}
    turn = queue_attempts.turn_of(attempt)
    if turn.get("quiet_since"):
        changed["quiet_since"] = None
    if attempt["stage"] == "typed" and not turn.get("enter_pressed_at"):
        changed["enter_pressed_at"] = clock.text(clock.now())
    if changed:
        with store.transaction():
            queue_attempts.remember(store, attempt, **changed)


def _silent(store: Store, attempt: LiveAttempt, sight: Sight) -> Verdict | None:
    """The verdict on a turn whose end neither a hook nor the transcript nor the screen shows."""
    if sight.shown is None or sight.shown.verdict.rule is None:
        _under_way(store, attempt)  # the agent may be busy: its status is unknown
        return None
    turn, now = queue_attempts.turn_of(attempt), clock.now()
    since = turn.get("quiet_since")
    if since is None:
        with store.transaction():
            queue_attempts.remember(store, attempt, quiet_since=clock.text(now))
        return None
    if now - clock.seconds(since) < _PATIENCE * store.settings.start_wait:
        return None
    if attempt["stop_reason"] or attempt["cancel_requested_at"]:
        return ended(attempt, "interrupted", "the turn was interrupted", "silence")
    if attempt["raw"]:
        return _completed(attempt, None, "an agent's own command: the session is idle again")
    nothing = f"submitted; the session is {sight.status} and left no evidence of how the turn ended"
    return Verdict(attempt, "unverified", error=f"unverified: {nothing}")


def _moment(attempt: LiveAttempt, reset: str | None, at: float | None) -> str | None:
    """The time meant by `reset`, which the attempt's agent stated at the time `at`."""
    zone = time_zones.of_front(attempt["pane_pid"]) if reset else None
    return limits.moment(reset, at, zone)


def _completed(attempt: LiveAttempt, message: str | None, by: str) -> Verdict:
    """A successful turn; its message is cleaned, because it may be typed or printed later."""
    said = terminal_text.clean(message) if message else None
    return Verdict(attempt, "completed", response=said, evidence={"ended_by": by})


def _failed(
    attempt: LiveAttempt,
    failure: str | None,
    text: str | None,
    reset: str | None,
    by: str,
    at: float | None = None,
) -> Verdict:
    """A failed turn, unless a person or a timeout has ended it; `at` is when it ended."""
    reason = " ".join((text or "no further message").split())
    if attempt["stop_reason"] or attempt["cancel_requested_at"]:
        return ended(attempt, "interrupted", reason, by)
    if failure == "limited":
        return Verdict(
            attempt, "limited", error=reason, reset=reset, ended_at=at, evidence={"ended_by": by}
        )
    return ended(attempt, failure or "api", reason, by)


def ended(
    attempt: LiveAttempt,
    failure: str,
    reason: str,
    by: str = "",
    evidence: Evidence | None = None,
) -> Verdict:
    if attempt["stop_reason"] == "cancel" or attempt["cancel_requested_at"]:
        return Verdict(attempt, "cancelled", evidence={"ended_by": by})
    if attempt["stop_reason"] == "timeout":
        failure = "timeout"
        reason = f"ran longer than {attempt['timeout_seconds']:g} s and was interrupted"
    return Verdict(
        attempt, "failed", error=f"{failure}: {reason}", failure_class=failure,
        evidence=evidence or {"ended_by": by},
    )  # fmt: skip

"""Stop attempts: what people cancelled, what ran out of time, what was left behind."""

from assigner import clock, states
from assigner.agents import detect
from assigner.errors import UsageError
from assigner.queue import attempts, prompts
from assigner.sessions.known_panes import list_panes
from assigner.store import spool
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt
from assigner.system import processes
from assigner.tmux.panes import PaneId


def cancel(store: Store, prompt: int) -> Row:
    """Cancel a prompt, or request it.  Returns its row with a `note`.  UsageError if unknown.

    Call inside a transaction.  Finishes an attempt that no pass has begun to type: deliver commits
    the stage `typing` before it types, and that commit then fails.
    """
    row = store.one("prompts/get", id=prompt)
    if row is None:
        raise UsageError(f"no prompt {prompt}")
    note = ""
    if row["status"] in ("pending", "failed"):
        prompts.cancel(store, prompt)
    elif row["status"] in ("assigned", "in_progress"):
        live = attempts.live_of(store, prompt)
        if live["stage"] in states.UNTYPED:
            if begun(live) and not store.dry:
                end_step(store, live, "TERM")  # the agent returns to its earlier context
            attempts.finish(store, attempts.Verdict(live, "cancelled"))
        else:
            prompts.request_cancel(store, prompt)
            note = f"being ended in {row['assigned_session']}"
    changed = store.one("prompts/get", id=prompt)
    assert changed is not None
    return {**changed, "note": note}


_SIGNALS = (None, "INT", "TERM", "KILL")


def end_attempts(store: Store) -> list[Row]:
    """End attempts that were cancelled, timed out or left behind: by INT, then TERM, then KILL; an
    agent's turn by Escape, repeatedly.  Preparing an agent's context counts as its own time limit.
    Returns a row per signal or interruption.
    """
    acted = []
    turns: list[LiveAttempt] = []
    now = clock.now()
    for attempt in store.rows("attempts/live"):
        since = attempt["submitted_at"] or begun(attempt)
        if since is None or attempt["check_state"]:
            continue
        ending = attempt["stop_reason"]
        if attempt["cancel_requested_at"]:
            ending = ending or "cancel"
        elif _overdue(attempt, since, now):
            ending = ending or "timeout"
        is_step = attempt["stage"] == "preparing"
        is_turn = not is_step and detect.is_agent(attempt["provider"])
        if ending is None or not (is_step or is_turn or attempt["process_group"]):
            continue
        signalled = attempt["stop_signal_at"]
        if signalled and clock.since(signalled, now) < store.settings.kill_grace:
            continue
        step = min(_SIGNALS.index(attempt["stop_signal"]) + 1, len(_SIGNALS) - 1)
        name = "INT" if is_turn else _SIGNALS[step]
        assert name is not None
        with store.transaction():  # record the intention first: a repeated signal does no harm
            if not attempts.stop(store, attempt, ending, name, now):
                continue
        if is_turn:
            turns.append({**attempt, "stop_reason": ending})
        elif store.dry or _signal(store, attempt, name):
            acted.append(attempts.as_row(attempt, "signalled", f"SIG{name}: {ending}"))
    return acted + _interrupt(store, turns)


def _overdue(attempt: LiveAttempt, since: str, now: float) -> bool:
    """Whether an attempt that runs since that time has exceeded its time limit.  The time until a
    usage limit ends does not count.
    """
    if attempt["timeout_seconds"] is None:
        return False
    limited_until = attempts.turn_of(attempt).get("limited_until", "")
    if limited_until > clock.text(now):
        return False
    return attempts.lasted(attempt, max(since, limited_until), now) > attempt["timeout_seconds"]


def _signal(store: Store, attempt: LiveAttempt, name: str) -> bool:
    """Signal the processes of an attempt.  Returns whether there were any."""
    if attempt["stage"] == "preparing":
        return end_step(store, attempt, name)
    from assigner.outcomes import shell_run

    return processes.send_signal(shell_run.members(attempt, processes.Processes()), name)


def _interrupt(store: Store, turns: list[LiveAttempt]) -> list[Row]:
    if store.dry or not turns:
        return [
            attempts.as_row(attempt, "interrupted", attempt["stop_reason"]) for attempt in turns
        ]
    panes = {pane.identity: pane for pane in list_panes(store)[0]}
    from assigner.delivery import interrupt

    return interrupt.interrupt(
        store, [(attempt, pane) for attempt in turns if (pane := panes.get(PaneId.of(attempt)))]
    )


def begun(attempt: LiveAttempt) -> str | None:
    """When the file that restarts an agent began to prepare the context; None if it is not doing
    so now.
    """
    reports = attempts.evidence_of(attempt).get("reports", {})
    if attempt["stage"] != "preparing" or not {"step", "started"}.isdisjoint(reports):
        return None
    return reports["begun"]["at"] if "begun" in reports else None


def end_step(store: Store, attempt: LiveAttempt, signal: str) -> bool:
    """Signal the current step of the file that restarts an agent: the step fails, and the agent
    returns to its earlier context.  KILL ends the file itself if no step runs.  Returns whether a
    signal was sent.
    """
    found = processes.Processes().below(attempt["pane_pid"])
    leader = processes.stat(attempt["pane_pid"])
    if not found and leader and signal == "KILL":
        found = [leader]
    if attempt["id"] in spool.reported(store.settings):
        return False  # that was the last step: these processes may be the agent's
    return processes.send_signal(found, signal)

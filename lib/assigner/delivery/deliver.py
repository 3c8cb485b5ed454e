"""deliver: bring each claimed session into its prompt's context, and type the prompt exactly once.

docs/delivery.md is the protocol: each stage is committed before its step is taken.
"""

import time

from assigner.agents import detect
from assigner.delivery import stop
from assigner.outcomes import reports
from assigner.queue import attempts
from assigner.sessions.known_panes import list_panes, look_at
from assigner.states import UNTYPED
from assigner.store import spool
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt
from assigner.tmux import panes as tmux_panes
from assigner.tmux.panes import PaneId

# A shell's line includes its Enter; an agent's prompt is submitted later
_WAITING = {False: (*UNTYPED, "typing"), True: (*UNTYPED, "typing", "typed")}


def deliver(store: Store, *, settle: float) -> list[Row]:
    """Type claimed prompts, and stop cancelled and overdue ones.  Returns a row per action.

    Does not wait for prompts to end: it watches the typed ones start for at most `settle` seconds,
    all sessions together.
    """
    acted = stop.end_attempts(store)
    live = store.rows("attempts/live")
    if any(attempt["check_state"] for attempt in live):
        from assigner.delivery import start_checks

        acted += start_checks.deliver(store)
    waiting = [
        attempt
        for attempt in live
        if attempt["stage"] in _WAITING[detect.is_agent(attempt["provider"])]
        # an agent may just have taken the cancelled prompt: once that shows, its turn is
        # interrupted; otherwise the text is removed from the composer
        and (not attempt["cancel_requested_at"] or _is_typed_to_agent(attempt))
    ]
    if store.dry or not waiting:
        return acted + [attempts.as_row(attempt, "typed", "") for attempt in waiting]
    from assigner.delivery import give_back, shell  # only if there is something to type
    from assigner.tmux import keys

    panes, silent = list_panes(store)
    by_identity = {pane.identity: pane for pane in panes}
    by_place = {pane.identity.place: pane for pane in panes}
    there: list[tuple[LiveAttempt, tmux_panes.Pane]] = []
    to_agents: list[tuple[LiveAttempt, tmux_panes.Pane]] = []
    for attempt in waiting:
        if attempt["stage"] == "preparing":  # the agent's process is being replaced
            pane = by_place.get(PaneId.of(attempt).place)
        else:
            pane = by_identity.get(PaneId.of(attempt))
        if pane:
            is_turn = detect.is_agent(attempt["provider"])
            (to_agents if is_turn else there).append((attempt, pane))
        elif attempt["stage"] == "typed":
            continue  # observe finds the outcome
        elif attempt["socket"] in store.settings.sockets and attempt["socket"] not in silent:
            acted.append(give_back.release(store, attempt, "the session's pane is gone"))
    sights = look_at(store, there)
    typings: list[tuple[LiveAttempt, keys.Stroke]] = []
    for attempt, pane in there:
        if attempt["stage"] == "typing" and shell.recover(store, attempt):
            acted.append(attempts.as_row(attempt, "typed", "found by its stamp"))
        elif sight := sights.get((pane.socket, pane.id)):
            outcome = shell.prepare(store, attempt, sight)
            if isinstance(outcome, keys.Stroke):
                typings.append((attempt, outcome))
            else:
                acted.append(outcome)
    acted += shell.type(store, typings)
    if to_agents:
        from assigner.delivery import agent  # imported only if there are agents

        acted += agent.deliver(store, to_agents, settle=settle)
    _wait_until_running(
        store, settle, {row["attempt"] for row in acted if row["action"] == "typed"}
    )
    return acted


def _is_typed_to_agent(attempt: LiveAttempt) -> bool:
    return attempt["stage"] in ("typing", "typed") and detect.is_agent(attempt["provider"])


def _wait_until_running(store: Store, seconds: float, typed: set[int]) -> None:
    """Wait at most `seconds` until every typed attempt has reported that it runs."""
    waiting = typed
    until = time.monotonic() + seconds
    while waiting:
        waiting -= spool.reported(store.settings)
        if not waiting or time.monotonic() > until:
            break
        time.sleep(0.005)
    reports.drain(store)

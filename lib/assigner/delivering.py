"""deliver: brings each claimed session into its prompt's context, and types it exactly once.

docs/delivery.md is the protocol: each stage is committed before its step is taken.
"""

import shlex
import time

from assigner import (
    agents,
    attempts,
    calling,
    clock,
    dialects,
    files,
    give_back,
    judging,
    keyboard,
    preparing,
    proc,
    proving,
    reports,
    task,
    tmux,
)
from assigner.db import Row, Store
from assigner.errors import SetupError
from assigner.looking import Sight
from assigner.scanning import list_panes, look_at
from assigner.states import UNTYPED
from assigner.tmux import PaneId

# A shell's line includes its Enter; an agent's prompt is submitted later
_WAITING = {False: (*UNTYPED, "typing"), True: (*UNTYPED, "typing", "typed")}
_SIGNALS = (None, "INT", "TERM", "KILL")


def deliver(store: Store, *, settle: float) -> list[Row]:
    """Type claimed prompts and end what is to be ended.  Returns a row per attempt acted on.

    Does not wait for prompts to end: the typed ones get `settle` seconds, all sessions together, to
    be seen to run.
    """
    acted = end_attempts(store) + proving.deliver(store)
    waiting = [
        attempt
        for attempt in store.rows("live_attempts")
        if attempt["stage"] in _WAITING[agents.is_agent(attempt["provider"])]
        # an agent may have taken the cancelled prompt just then: it is interrupted once that shows;
        # otherwise the text is removed from its composer
        and (not attempt["cancel_requested_at"] or _is_typed_to_agent(attempt))
    ]
    if store.dry or not waiting:
        return acted + [attempts.as_row(attempt, "typed", "") for attempt in waiting]
    panes, silent = list_panes(store)
    by_identity = {pane.identity: pane for pane in panes}
    by_place = {pane.identity.place: pane for pane in panes}
    there: list[tuple[Row, tmux.Pane]] = []
    to_agents: list[tuple[Row, tmux.Pane]] = []
    for attempt in waiting:
        if attempt["stage"] == "preparing":  # the agent's process is being replaced
            pane = by_place.get(PaneId.of(attempt).place)
        else:
            pane = by_identity.get(PaneId.of(attempt))
        if pane:
            is_turn = agents.is_agent(attempt["provider"])
            (to_agents if is_turn else there).append((attempt, pane))
        elif attempt["stage"] == "typed":
            continue  # observe finds the outcome
        elif attempt["socket"] in store.settings.sockets and attempt["socket"] not in silent:
            acted.append(give_back.release(store, attempt, "its pane is gone"))
    sights = look_at(store, there)
    typings: list[tuple[Row, keyboard.Stroke]] = []
    for attempt, pane in there:
        if attempt["stage"] == "typing" and _recover(store, attempt):
            acted.append(attempts.as_row(attempt, "typed", "found by its stamp"))
        elif sight := sights.get((pane.socket, pane.id)):
            outcome = _prepare(store, attempt, sight)
            if isinstance(outcome, keyboard.Stroke):
                typings.append((attempt, outcome))
            else:
                acted.append(outcome)
    acted += _type(store, typings)
    if to_agents:
        from assigner import prompting  # imported only if there are agents

        acted += prompting.deliver(store, to_agents, settle=settle)
    _wait_until_running(
        store, settle, {row["attempt"] for row in acted if row["action"] == "typed"}
    )
    return acted


def _is_typed_to_agent(attempt: Row) -> bool:
    return attempt["stage"] in ("typing", "typed") and agents.is_agent(attempt["provider"])


def end_attempts(store: Store) -> list[Row]:
    """End attempts that were cancelled, timed out or left behind: by INT, then TERM, then KILL; an
    agent's turn by Escape, repeatedly.  The context of an agent has its own time limit.
    """
    acted = []
    turns = []
    now = clock.now()
    for attempt in store.rows("live_attempts"):
        since = attempt["submitted_at"] or preparing.begun(attempt)
        if since is None or attempt["check_state"]:
            continue
        ending = attempt["ending"]
        if attempt["cancel_requested_at"]:
            ending = ending or "cancel"
        elif attempts.lasted(attempt, since, now) > (attempt["timeout_seconds"] or 1e12):
            ending = ending or "timeout"
        is_step = attempt["stage"] == "preparing"
        is_turn = not is_step and agents.is_agent(attempt["provider"])
        if ending is None or not (is_step or is_turn or attempt["process_group"]):
            continue
        signalled = attempt["signalled_at"]
        if signalled and clock.since(signalled, now) < store.settings.kill_grace:
            continue
        step = min(_SIGNALS.index(attempt["signal"]) + 1, len(_SIGNALS) - 1)
        name = "INT" if is_turn else _SIGNALS[step]
        assert name is not None
        with store.transaction():  # record the intention first: a repeated signal does no harm
            if not attempts.stop(store, attempt, ending, name, now):
                continue
        if is_turn:
            turns.append({**attempt, "ending": ending})
        elif store.dry or _signal(store, attempt, name):
            acted.append(attempts.as_row(attempt, "signalled", f"SIG{name}: {ending}"))
    return acted + _interrupt(store, turns)


def _signal(store: Store, attempt: Row, name: str) -> bool:
    """Signal the processes of an attempt.  Returns whether there were any."""
    if attempt["stage"] == "preparing":
        return preparing.end_step(store, attempt, name)
    return proc.send_signal(judging.members(attempt, proc.Processes()), name)


def _interrupt(store: Store, turns: list[Row]) -> list[Row]:
    if store.dry or not turns:
        return [attempts.as_row(attempt, "interrupted", attempt["ending"]) for attempt in turns]
    panes = {pane.identity: pane for pane in list_panes(store)[0]}
    from assigner import prompting

    return prompting.interrupt(
        store, [(attempt, pane) for attempt in turns if (pane := panes.get(PaneId.of(attempt)))]
    )


def _recover(store: Store, attempt: Row) -> bool:
    """An earlier pass died while it typed: tmux's stamp shows whether it typed the line."""
    if not judging.was_typed(store, attempt):
        return False
    with store.transaction():
        return attempts.advance(store, attempt["id"], "typing", "typed")


def _prepare(store: Store, attempt: Row, sight: Sight) -> keyboard.Stroke | Row:
    """Check and write everything the typing needs; or give the claim back, or fail the attempt."""
    if attempt["stage"] == "typing" and files.is_revoked(store.settings, attempt["id"]):
        return give_back.release(store, attempt, "an earlier pass died while it gave it back")
    if attempt["paused"]:
        return give_back.release(store, attempt, "it is paused")
    if sight.status != "idle" or sight.line is None or sight.shell is None:
        return give_back.release(store, attempt, sight.reason)
    if not keyboard.is_plain(sight.line.command):
        return give_back.release(store, attempt, f"unusual program name {sight.line.command!r}")
    tools = preparing.tools()
    if isinstance(tools, str):
        return give_back.fail(store, attempt, "tools", tools)
    wanted = preparing.context(store, attempt, sight.directory)
    if isinstance(wanted, preparing.Problem):
        return give_back.fail(store, attempt, wanted.step, wanted.reason)
    contents = dict.fromkeys(task.REPORTS, "") | {"prompt": attempt["content"]}
    contents |= dialects.files(sight.shell, wanted, tools)
    if attempt["command"]:
        try:
            if reason := calling.hindrance(store, attempt):
                return give_back.release(store, attempt, reason)
            contents |= calling.contents(store, attempt) | {"response": ""}
        except SetupError as error:
            return give_back.fail(store, attempt, "command", str(error))
    if attempt["stage"] != "typing":
        files.make_run(store.settings, attempt["id"], contents)
    line = f" . {shlex.quote(wanted.run + '/ctx')}"
    return keyboard.line(attempt["id"], sight.pane, sight.line, line)


def _type(store: Store, typings: list[tuple[Row, keyboard.Stroke]]) -> list[Row]:
    """Commit `typing`, type, read back what tmux confirms, commit `typed`."""
    by_socket: dict[str, list[tuple[Row, keyboard.Stroke]]] = {}
    with store.transaction():
        for attempt, typing in typings:
            if attempt["stage"] != "typing":
                attempts.advance(store, attempt["id"], "claimed", "prepared")
                if not attempts.advance(store, attempt["id"], "prepared", "typing"):
                    continue  # it was cancelled, or another pass types it
                files.place_run(store.settings, attempt["id"])
            by_socket.setdefault(typing.pane.socket, []).append((attempt, typing))
    acted = []
    for socket, mine in by_socket.items():
        at = clock.now()
        try:
            answers = keyboard.press(
                socket, store.settings.tmux_timeout, store.instance, [typing for _, typing in mine]
            )
        except (tmux.NoServer, tmux.Unreachable) as error:
            acted += [attempts.as_row(attempt, "deferred", str(error)) for attempt, _ in mine]
            continue
        with store.transaction():
            for attempt, _ in mine:
                answer = answers.get(attempt["id"], "tmux did not confirm the keystrokes")
                if answer == "typed":
                    attempts.advance(store, attempt["id"], "typing", "typed", at)
                acted.append(
                    attempts.as_row(attempt, "typed", "")
                    if answer == "typed"
                    else attempts.as_row(attempt, "deferred", answer)
                )
    return acted


def _wait_until_running(store: Store, seconds: float, typed: set[int]) -> None:
    """Wait at most `seconds` until all that was typed is seen to run."""
    waiting = typed
    until = time.monotonic() + seconds
    while waiting:
        waiting -= files.reported(store.settings)
        if not waiting or time.monotonic() > until:
            break
        time.sleep(0.005)
    reports.drain(store)

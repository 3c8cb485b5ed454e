"""deliver: bring each claimed session into its prompt's context, and type it exactly once.

docs/delivery.md is the protocol: each stage is committed before its step is taken.
"""

import json
import os
import shlex
import shutil
import time
from functools import cache
from typing import Any

from assigner import (
    agents,
    attempts,
    calling,
    clock,
    dialects,
    files,
    git,
    keyboard,
    observing,
    package,
    proc,
    prompting,
    proving,
    task,
    tmux,
    worktrees,
)
from assigner.db import Row, Store
from assigner.looking import Sight, look
from assigner.scanning import UNTYPED, claimed, identity, know, list_panes

# A shell's line has its Enter with it, an agent's prompt is not yet submitted
_WAITING = {False: (*UNTYPED, "typing"), True: (*UNTYPED, "typing", "typed")}
_SIGNALS = (None, "INT", "TERM", "KILL")


def deliver(store: Store, *, settle: float) -> list[Row]:
    """Type what is claimed, end what is to be ended; a row for each attempt that was acted on.

    Nothing waits for a prompt to end: what was typed gets `settle` seconds, all sessions
    together, to be seen to run.
    """
    acted = end_attempts(store) + proving.deliver(store)
    waiting = [
        attempt
        for attempt in store.rows("live_attempts")
        if attempt["stage"] in _WAITING[agents.known(attempt["provider"]) is not None]
        and not attempt["cancel_requested_at"]
    ]
    if store.dry or not waiting:
        return acted + [attempts.told(attempt, "to be typed", "") for attempt in waiting]
    panes, silent = list_panes(store)
    by_identity = {identity(pane): pane for pane in panes}
    there: list[tuple[Row, tmux.Pane]] = []
    to_agents: list[tuple[Row, tmux.Pane]] = []
    for attempt in waiting:
        if pane := by_identity.get(claimed(attempt)):
            known = agents.known(attempt["provider"])
            (to_agents if known else there).append((attempt, pane))
        elif attempt["stage"] == "typed":
            continue  # observe finds out what became of it
        elif attempt["socket"] in store.settings.sockets and attempt["socket"] not in silent:
            acted.append(_release(store, attempt, "its pane is gone"))
    sights = _look(store, there)
    typings: list[tuple[Row, keyboard.Stroke]] = []
    for attempt, pane in there:
        if attempt["stage"] == "typing" and _recover(store, attempt):
            acted.append(attempts.told(attempt, "typed", "found by its stamp"))
        elif sight := sights.get((pane.socket, pane.id)):
            outcome = _prepare(store, attempt, sight)
            if isinstance(outcome, keyboard.Stroke):
                typings.append((attempt, outcome))
            else:
                acted.append(outcome)
    acted += _type(store, typings)
    if to_agents:
        acted += prompting.deliver(store, to_agents, settle=settle)
    _settle(store, settle, {row["attempt"] for row in acted if row["outcome"] == "typed"})
    return acted


def end_attempts(store: Store) -> list[Row]:
    """End what was cancelled, timed out or left behind: by INT, then TERM, then KILL; an agent's
    turn by Escape, again and again.
    """
    acted = []
    turns = []
    now = clock.now()
    for attempt in store.rows("live_attempts"):
        if attempt["stage"] != "submitted" or attempt["check_state"]:
            continue
        ending = attempt["ending"]
        if attempt["cancel_requested_at"]:
            ending = ending or "cancel"
        elif now > clock.seconds(attempt["submitted_at"]) + (attempt["timeout_seconds"] or 1e12):
            ending = ending or "timeout"
        is_turn = agents.known(attempt["provider"]) is not None
        if ending is None or not (is_turn or attempt["process_group"]):
            continue
        if attempt["signalled_at"]:
            since = now - clock.seconds(attempt["signalled_at"])
            if since < store.settings.kill_grace:
                continue
        step = min(_SIGNALS.index(attempt["signal"]) + 1, len(_SIGNALS) - 1)
        name = "INT" if is_turn else _SIGNALS[step]
        assert name is not None
        with store.transaction():  # what is intended comes first: a signal twice is no harm
            store.update(
                "attempts", attempt["id"], ending=ending, signal=name, signalled_at=clock.text(now)
            )
        if is_turn:
            turns.append({**attempt, "ending": ending})
        elif store.dry or proc.send_signal(attempt["process_group"], attempt["pane_pid"], name):
            acted.append(attempts.told(attempt, f"SIG{name}", ending))
    return acted + _interrupt(store, turns)


def _interrupt(store: Store, turns: list[Row]) -> list[Row]:
    if store.dry or not turns:
        return [attempts.told(attempt, "Escape", attempt["ending"]) for attempt in turns]
    panes = {identity(pane): pane for pane in list_panes(store)[0]}
    return prompting.interrupt(
        store, [(attempt, pane) for attempt in turns if (pane := panes.get(claimed(attempt)))]
    )


def _look(store: Store, wanted: list[tuple[Row, tmux.Pane]]) -> dict[tuple[str, str], Sight]:
    """A fresh look at every pane that is to be typed into."""
    sessions = {row["name"]: row for row in store.rows("sessions")}
    try:
        return look(
            store,
            [(pane, know(sessions[attempt["session"]], attempt)) for attempt, pane in wanted],
            clock.now(),
        )
    except (tmux.NoServer, tmux.Unreachable):
        return {}


def _recover(store: Store, attempt: Row) -> bool:
    """An earlier pass died while it typed: tmux's stamp tells whether the line is there."""
    try:
        stamps = keyboard.stamps(attempt["socket"], store.settings.tmux_timeout, store.instance)
    except (tmux.NoServer, tmux.Unreachable):
        return False
    if stamps.get(attempt["pane_id"]) != (attempt["id"], attempt["pane_pid"]):
        return False
    with store.transaction():
        return attempts.advance(store, attempt["id"], "typing", "typed")


def _prepare(store: Store, attempt: Row, sight: Sight) -> keyboard.Stroke | Row:
    """Check and write all that the typing needs; or give the claim back, or fail the attempt."""
    if attempt["stage"] == "typing" and files.is_revoked(store.settings, attempt["id"]):
        return _release(store, attempt, "an earlier pass died while it gave it back")
    if attempt["paused"]:
        return _release(store, attempt, "it is paused")
    if sight.status != "idle" or sight.line is None or sight.shell is None:
        return _release(store, attempt, sight.reason)
    if not keyboard.is_plain(sight.line.command):
        return _release(store, attempt, f"unusual program name {sight.line.command!r}")
    tools = _tools()
    if isinstance(tools, str):
        return _fail(store, attempt, "tools", tools)
    directory = attempt["working_dir"] or (sight.directory if attempt["git_branch"] else None)
    if directory and (reason := files.directory_problem(directory)):
        return _fail(store, attempt, "cd", reason)
    own = worktrees.of(store.settings, attempt, directory)
    if problem := _branch_problem(attempt, directory if own is None else own.made):
        return _fail(store, attempt, *problem)
    if own and git.is_half_made(own.tree) and attempt["stage"] != "typing" and attempt["lease_id"]:
        worktrees.remove(own.tree)  # git died over it: with the lease we are alone
    if own and own.made:  # the session moves into it, and so suits the next prompt there
        directory = own.directory if os.path.isdir(own.directory) else own.tree
    try:
        variables = files.variables(store.settings, attempt)
    except (OSError, KeyError, ValueError):
        return _fail(store, attempt, "env", "the file with its secret values is gone")
    run = store.settings.run / str(attempt["id"])
    wanted = task.Task(
        run=str(run),
        spool=str(store.settings.spool / str(attempt["id"])),
        directory=directory,
        physical=own.directory if own else os.path.realpath(directory) if directory else None,
        worktree=own.tree if own else None,
        variables=variables,
        retake=list(json.loads(attempt["session_env"])),
        branch=attempt["git_branch"],
        prerequisites=json.loads(attempt["prerequisites"]),
        expected=_expected(attempt),
        validate=bool(attempt["validate_context"]) and store.settings.validate,
        one_shot=attempt["command"] is not None,
        feedback=attempt["feedback"],
    )
    contents = dict.fromkeys(task.REPORTS, "") | {"prompt": attempt["content"]}
    contents |= dialects.files(sight.shell, wanted, tools)
    if attempt["command"]:
        if reason := calling.hindrance(store, attempt):
            return _release(store, attempt, reason)
        contents |= calling.contents(store, attempt)
    if attempt["stage"] != "typing":
        files.make_run(store.settings, attempt["id"], contents)
    line = f" . {shlex.quote(str(run / 'ctx'))}"
    return keyboard.line(attempt["id"], sight.pane, sight.line.command, line)


def _type(store: Store, typings: list[tuple[Row, keyboard.Stroke]]) -> list[Row]:
    """Commit `typing`, type, read back what tmux confirms, commit `typed`."""
    by_socket: dict[str, list[tuple[Row, keyboard.Stroke]]] = {}
    with store.transaction():
        for attempt, typing in typings:
            if attempt["stage"] != "typing":
                attempts.advance(store, attempt["id"], "claimed", "prepared")
                if not attempts.advance(store, attempt["id"], "prepared", "typing"):
                    continue  # somebody cancelled it meanwhile, or types it
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
            acted += [attempts.told(attempt, "waits", str(error)) for attempt, _ in mine]
            continue
        with store.transaction():
            for attempt, _ in mine:
                answer = answers.get(attempt["id"], "tmux did not confirm it")
                if answer == "typed":
                    attempts.advance(store, attempt["id"], "typing", "typed", at)
                acted.append(
                    attempts.told(attempt, "typed", "")
                    if answer == "typed"
                    else attempts.told(attempt, "waits", answer)
                )
    return acted


def _settle(store: Store, seconds: float, typed: set[int]) -> None:
    """Wait until all that was typed is seen to run, but no longer than `seconds`."""
    waiting = typed
    until = time.monotonic() + seconds
    while waiting:
        waiting -= files.reported(store.settings)
        if not waiting or time.monotonic() > until:
            break
        time.sleep(0.005)
    observing.drain(store)


def _release(store: Store, attempt: Row, reason: str) -> Row:
    """The session is not what it was: give the claim back."""
    if not _give_up(store, attempt, "released", evidence={"released": reason}):
        return attempts.told(attempt, "waits", "it runs already")
    return attempts.told(attempt, "released", reason)


def _fail(store: Store, attempt: Row, step: str, reason: str) -> Row:
    """The context cannot be prepared: nothing was typed."""
    error = f"context: {step}: {reason}"
    if not _give_up(store, attempt, "failed", failure_class="context", step=step, error=error):
        return attempts.told(attempt, "waits", "it runs already")
    return attempts.told(attempt, "failed", f"{step}: {reason}")


def _give_up(store: Store, attempt: Row, outcome: str, **why: Any) -> bool:
    """Finish an attempt that was not typed, its token taken first; whether that could be done."""
    with store.transaction():
        live = store.one("live_attempt_of", prompt_id=attempt["prompt_id"])
        if not live or (live["id"], live["stage"]) != (attempt["id"], attempt["stage"]):
            return False  # another pass knows more of it
        if attempt["stage"] == "typing" and not files.revoke(store.settings, attempt["id"]):
            return False
        attempts.finish(store, attempt, outcome, **why)
    files.remove_run(store.settings, attempt["id"])
    return True


def _branch_problem(attempt: Row, directory: str | None) -> tuple[str, str] | None:
    branch = attempt["git_branch"]
    if branch is None or directory is None:
        return None
    place = git.place(directory)
    if place is None:
        return "branch", f"'{directory}' is not in a git working tree"
    if place.branch != branch and place.operation:
        return "branch", f"a {place.operation} is in progress in '{place.tree}'"
    return None


def _expected(attempt: Row) -> dict[str, str]:
    state = json.loads(attempt["metadata"]).get("session_state") or {}
    if "expected_cwd" in state:
        state["expected_cwd"] = os.path.realpath(state["expected_cwd"])
    return {str(key): str(value) for key, value in state.items()}


@cache
def _tools() -> task.Tools | str:
    found = {name: shutil.which(name) for name in ("mv", "sh", "tee", "git")}
    for name, path in found.items():
        if path is None and name != "git":
            return f"'{name}' is not on the PATH"
    paths = {name: path or f"/usr/bin/{name}" for name, path in found.items()}
    return task.Tools(report=str(package.data("bin") / "report"), **paths)

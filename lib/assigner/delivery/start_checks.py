"""deliver, for checks: start each in a separate tmux window, once, and end it if necessary."""

import json
import os
import signal
import sys

from assigner import clock
from assigner.errors import AssignerError
from assigner.outcomes import checks
from assigner.queue import attempts
from assigner.store import attempt_files, secrets, spool
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt
from assigner.tmux import client, create, panes


def deliver(store: Store) -> list[Row]:
    """Start wanted checks; end those that are cancelled or hang.  Returns a row for each."""
    acted = []
    for attempt in store.rows("attempts/live"):
        if attempt["check_state"] in ("wanted", "starting") and not attempt["cancel_requested_at"]:
            acted += _start(store, attempt)
        elif attempt["check_state"] == "running":
            acted += _end(store, attempt)
    return acted


def _start(store: Store, attempt: LiveAttempt) -> list[Row]:
    """Write a check's files, commit the state `starting`, ask tmux for a window."""
    if store.dry:
        return [attempts.as_row(attempt, "check-started", attempt["check_command"])]
    now = clock.now()
    if attempt["check_state"] == "starting":
        if clock.since(attempt["check_tried_at"], now) < store.settings.start_wait:
            return []
    elif reason := _make(store, attempt):
        return [_fail(store, attempt, reason)]
    with store.transaction():
        if not store.run(
            "checks/advance", id=attempt["id"], expected=attempt["check_state"], state="starting",
            pid=None, started_at=None, tried_at=clock.text(now),
        ):  # fmt: skip
            attempt_files.discard_check(store.settings, attempt["id"])
            return []  # another pass acts on the attempt
        if attempt["check_state"] == "wanted":
            attempt_files.place_check(store.settings, attempt["id"])
    name = f"{panes.ASIDE}{store.instance}-{attempt['id']}"
    place = str(attempt_files.check_directory(store.settings, attempt["id"]))
    command = [sys.executable, "-I", "-m", "assigner.outcomes.check_runner", place]
    home = str(store.settings.home)
    try:
        create.create(
            attempt["socket"], store.settings.tmux_timeout, name, home, command, transient=True
        )
    except (AssignerError, client.NoServer, client.Unreachable) as error:
        # tmux may still open the window later: the first check runner to take the token runs
        return [attempts.as_row(attempt, "deferred", f"cannot start its check: {error}")]
    return [attempts.as_row(attempt, "check-started", attempt["check_command"])]


def _make(store: Store, attempt: LiveAttempt) -> str | None:
    """Write the files of a check, aside.  Returns why the check is impossible, or None."""
    try:
        variables = secrets.variables(store.settings, attempt)
    except (OSError, KeyError, ValueError):
        return "the file with its secret values is gone"
    directory = attempt_files.check_directory(store.settings, attempt["id"])
    order = {
        "command": str(directory / "command"),
        "directory": attempt["check_directory"],
        "variables": variables,
        "seconds": attempt["check_seconds"],
        "grace": store.settings.kill_grace,
        "most": store.settings.max_output,
        "spool": str(store.settings.spool / str(attempt["id"])),
        "mark": checks.mark(store, attempt),
    }
    contents = {
        "go": "",
        "ended": "",
        "output": "",
        "order": json.dumps(order),
        "command": attempt["check_command"] + "\n",
    }
    attempt_files.make_check(store.settings, attempt["id"], contents)
    return None


def _fail(store: Store, attempt: LiveAttempt, reason: str) -> Row:
    result = checks.Result(attempt, "failed", reason)
    if not checks.conclude(store, result):
        return attempts.as_row(attempt, "deferred", "another pass acts on the attempt")
    attempt_files.remove_run(store.settings, attempt["id"])
    return checks.as_row(result)


def _end(store: Store, attempt: LiveAttempt) -> list[Row]:
    """Send TERM for a cancelled check, which ends the command and reports; KILL if that fails."""
    if attempt["id"] in spool.reported(store.settings):
        return []
    now, pid = clock.now(), checks.runner(attempt)
    if pid is None:
        left = [] if store.dry else checks.left_over(store, attempt)
        for process in left:
            _signal(process, signal.SIGKILL)
        return [attempts.as_row(attempt, "signalled", "SIGKILL: left by its check")] if left else []
    name = "TERM"
    if attempt["stop_signal_at"]:
        if clock.since(attempt["stop_signal_at"], now) < 2 * store.settings.kill_grace + 10:
            return []
        name = "KILL"
    elif checks.is_overdue(store, attempt, now):
        name = "KILL"
    elif not attempt["cancel_requested_at"]:
        return []
    ending = "cancel" if attempt["cancel_requested_at"] else attempt["stop_reason"]
    with store.transaction():  # record the intention first: a repeated signal does no harm
        if not attempts.stop(store, attempt, ending, name, now):
            return []
    if not store.dry:
        _signal(pid, signal.Signals[f"SIG{name}"])
    return [attempts.as_row(attempt, "signalled", f"SIG{name}: its check")]


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return

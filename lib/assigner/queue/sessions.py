"""Finds sessions in the database, and writes their rows."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assigner import clock
from assigner.errors import UsageError
from assigner.queue import rests
from assigner.store.database import Row, Store
from assigner.store.rows import Session


def choose(
    rows: Iterable[Session],
    *,
    env: Sequence[tuple[str, str | None]] = (),
    directory: str | None = None,
    branch: str | None = None,
    status: str | None = None,
) -> list[Session]:
    """The rows of `sessions` that meet all given conditions.

    `env` lists variables that a prompt exported there, each with its value, or None for any; a
    secret value matches only None.  A session matches if its directory is `directory` or below
    it, with symlinks resolved.
    """
    place = None if directory is None else os.path.realpath(directory)
    return [
        row
        for row in rows
        if (status is None or row["status"] == status)
        and (branch is None or row["git_branch"] == branch)
        and (place is None or _is_below(row["current_dir"], place))
        and _has_env(row, env)
    ]


def find(store: Store, name: str) -> Session:
    """The session of that name; UsageError names the known ones."""
    if row := store.one("sessions/get", name=name):
        return row
    if parts := parts_of(store, name):
        raise UsageError(f"session '{name}' has several panes: name one ({', '.join(parts)})")
    names = [row["name"] for row in store.rows("sessions/list") if row["status"] != "offline"]
    known = some_of(names)
    hint = f" (known sessions: {known})" if known else ": run scan to find sessions"
    raise UsageError(f"no session '{name}'{hint}")


def kept_alive(store: Store) -> list[Session]:
    """The sessions that keepalive looks after."""
    return [row for row in store.rows("sessions/list") if row["keepalive"] and row["enrolled"]]


def some_of(names: Sequence[str]) -> str:
    """The first of the names, for a message; empty if there are none."""
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"{', '.join(names[:12])}{more}" if names else ""


def parts_of(store: Store, name: str) -> list[str]:
    """The panes of a tmux session that has several."""
    names = [row["name"] for row in store.rows("sessions/list") if row["status"] != "offline"]
    return [other for other in names if other.startswith(f"{name}:")]


def add(store: Store, name: str, values: Row) -> None:
    """Insert a session that a scan has found for the first time, with these columns."""
    store.run("sessions/add", name=name, **values)


def see(store: Store, session: Session, values: Row) -> None:
    """Update the columns of a known session after a look at its pane."""
    store.run("sessions/see", id=session["id"], **values)


def lose(store: Store, session: Session, status: str, reason: str) -> bool:
    """Record that a scan did not find a session.  Returns whether that changes its row."""
    return bool(store.run("sessions/lose", id=session["id"], status=status, status_reason=reason))


def occupy(store: Store, name: str, reason: str) -> None:
    """Mark an idle session as busy because of a report from it; the next scan has the details."""
    store.run("sessions/occupy", name=name, reason=reason)


def plan(store: Store, name: str, provider: str) -> None:
    """Record that an agent's session is about to be created."""
    store.run("sessions/plan", name=name, provider=provider)


def forget(store: Store, session: Session) -> None:
    """Delete a session that is offline."""
    store.run("sessions/forget", id=session["id"])


def enroll(store: Store, session: Session, **values: Any) -> None:
    """Opt a session in, and set these columns."""
    store.update("sessions", session["id"], enrolled=1, opted_out=0, prompt_learning="on", **values)


def leave(store: Store, session: Session) -> bool:
    """Opt a session out unless it has a prompt.  Returns whether it had none."""
    return bool(store.run("sessions/leave", id=session["id"]))


def renew(store: Store, name: str) -> None:
    """Forget a session's failed restarts and the prompts that it gave back; ends its rest."""
    store.run("sessions/renew", name=name)
    rests.end(store, name)


def give_up(store: Store, session: Session, reason: str) -> None:
    """Record why keepalive no longer restarts a session."""
    store.run("sessions/give_up", id=session["id"], reason=reason)


def note_stuck(store: Store, session: Session, since: str) -> None:
    """Record that keepalive has reported a busy session as silent since that time."""
    store.run("sessions/note_stuck", id=session["id"], since=since)


def begin_start(store: Store, session: Session, start_file: str) -> None:
    """Record that a session is about to be started by the start file of that name."""
    store.run("sessions/begin_start", id=session["id"], start_file=start_file)


def end_start(store: Store, session: Session) -> None:
    """Record that no pass waits for a start of the session any longer."""
    store.run("sessions/end_start", id=session["id"])


def set_start_directory(store: Store, session: Session, directory: str | None) -> None:
    """Set the directory in which keepalive restarts a session."""
    store.update("sessions", session["id"], start_dir=directory)


def set_context(store: Store, session: Session, env_vars: str | None = None) -> None:
    """Write the directory, branch and hash in a row of `sessions`, and its variables if given."""
    store.run(
        "sessions/set_context",
        id=session["id"],
        current_dir=session["current_dir"],
        repository=session["repository"],
        git_branch=session["git_branch"],
        context_hash=session["context_hash"],
        env_vars=env_vars,
    )


def set_env_vars(store: Store, name: str, env_vars: Mapping[str, Any]) -> None:
    """Set the variables that prompts have exported in a session."""
    store.run("sessions/set_env", name=name, env_vars=json.dumps(env_vars, ensure_ascii=False))


def adopt_pane(store: Store, name: str, pane_pid: int, env_vars: str) -> None:
    """Record that another process, with these variables, runs in a session's pane."""
    store.run("sessions/adopt_pane", name=name, pane_pid=pane_pid, env_vars=env_vars)


def keep_environment(store: Store, name: str, file: str) -> None:
    """Set the name of the file with the environment in which a session was started."""
    store.run("sessions/keep_environment", name=name, environment_file=file)


def set_conversation(store: Store, name: str, conversation: str | None) -> None:
    """Set the conversation that an agent's session is in."""
    store.run("sessions/set_conversation", name=name, conversation=conversation)


def begin_turn(store: Store, name: str, at: float) -> None:
    """Record that a turn of a session's agent began at `at` (epoch seconds)."""
    store.run("sessions/begin_turn", name=name, at=clock.text(at))


def end_turn(store: Store, name: str, at: float) -> None:
    """Record that a turn of a session's agent ended at `at` (epoch seconds)."""
    store.run("sessions/end_turn", name=name, at=clock.text(at))


def forget_turns(store: Store, name: str) -> None:
    """Record that a session's agent has started anew, and is in no turn."""
    store.run("sessions/forget_turns", name=name)


def _has_env(row: Session, env: Sequence[tuple[str, str | None]]) -> bool:
    held = json.loads(row["env_vars"]) if env else {}
    return all(name in held and value in (None, held[name]) for name, value in env)


def _is_below(directory: str | None, place: str) -> bool:
    return directory is not None and f"{directory}/".startswith(place.rstrip("/") + "/")

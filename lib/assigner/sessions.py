"""Sessions: found again by what is known of them."""

import json
import os
from collections.abc import Iterable, Sequence

from assigner.db import Row, Store
from assigner.errors import UsageError


def choose(
    rows: Iterable[Row],
    *,
    env: Sequence[tuple[str, str | None]] = (),
    directory: str | None = None,
    branch: str | None = None,
    status: str | None = None,
) -> list[Row]:
    """The rows of `sessions` for which all holds that is given.

    `env` are variables that a prompt exported there, each with its value, or None for any; a
    secret one has no value that could be asked for.  `directory` is where a session stands, or
    is above that, its symbolic links resolved.
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


def find(store: Store, name: str) -> Row:
    """The session of that name; UsageError names the known ones."""
    if row := store.one("session", name=name):
        return row
    if parts := parts_of(store, name):
        raise UsageError(f"session '{name}' has several panes: name one ({', '.join(parts)})")
    names = [row["name"] for row in store.rows("sessions") if row["status"] != "offline"]
    known = some_of(names)
    hint = f" (known sessions: {known})" if known else ": run scan to find sessions"
    raise UsageError(f"no session '{name}'{hint}")


def kept_alive(store: Store) -> list[Row]:
    """The sessions that keepalive looks after."""
    return [row for row in store.rows("sessions") if row["keepalive"] and row["enrolled"]]


def some_of(names: Sequence[str]) -> str:
    """The first of the names, for a message; empty if there are none."""
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"{', '.join(names[:12])}{more}" if names else ""


def parts_of(store: Store, name: str) -> list[str]:
    """The panes of a tmux session that has several."""
    names = [row["name"] for row in store.rows("sessions") if row["status"] != "offline"]
    return [other for other in names if other.startswith(f"{name}:")]


def _has_env(row: Row, env: Sequence[tuple[str, str | None]]) -> bool:
    held = json.loads(row["env_vars"]) if env else {}
    return all(name in held and value in (None, held[name]) for name, value in env)


def _is_below(directory: str | None, place: str) -> bool:
    return directory is not None and f"{directory}/".startswith(place.rstrip("/") + "/")

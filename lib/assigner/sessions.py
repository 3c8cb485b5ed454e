"""Finds sessions by what the database knows of them."""

import json
import os
from collections.abc import Iterable, Sequence

from assigner.db import Row, Store
from assigner.errors import UsageError

STATUSES = ("idle", "busy", "waiting", "limited", "occupied", "unknown", "offline")


def choose(
    rows: Iterable[Row],
    *,
    env: Sequence[tuple[str, str | None]] = (),
    directory: str | None = None,
    branch: str | None = None,
    status: str | None = None,
) -> list[Row]:
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


def find(store: Store, name: str) -> Row:
    """The session of that name; UsageError that says which there are."""
    if row := store.one("session", name=name):
        return row
    if parts := parts_of(store, name):
        raise UsageError(f"session '{name}' has several panes: name one ({', '.join(parts)})")
    names = [row["name"] for row in store.rows("sessions") if row["status"] != "offline"]
    raise UsageError(
        f"no session '{name}' ({known(names, 'sessions') or 'scan has found no sessions'})"
    )


def kept_alive(store: Store) -> list[Row]:
    """The sessions that keepalive looks after."""
    return [row for row in store.rows("sessions") if row["keepalive"] and row["enrolled"]]


def known(names: Sequence[str], what: str) -> str:
    """`known WHAT: ` and some of the names that a person could have meant; '' without names."""
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"known {what}: {', '.join(names[:12])}{more}" if names else ""


def parts_of(store: Store, name: str) -> list[str]:
    """The panes of a tmux session that has several."""
    names = [row["name"] for row in store.rows("sessions") if row["status"] != "offline"]
    return [other for other in names if other.startswith(f"{name}:")]


def _has_env(row: Row, env: Sequence[tuple[str, str | None]]) -> bool:
    held = json.loads(row["env_vars"]) if env else {}
    return all(name in held and value in (None, held[name]) for name, value in env)


def _is_below(directory: str | None, place: str) -> bool:
    return directory is not None and f"{directory}/".startswith(place.rstrip("/") + "/")

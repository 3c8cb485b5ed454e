"""Usage limits: an account that takes no more prompts holds all its sessions until it does.

A limit is not a failure.  Its row stands in the table limits until its time has come.
"""

from assigner import clock, prompts, resets
from assigner.db import Row, Store

_SHORTEST = 60.0  # seconds


def active(store: Store) -> dict[str, Row]:
    """The limits that hold, by account."""
    return {row["account"]: row for row in store.rows("limits")}


def end(store: Store, reset: str | None, at: float) -> str:
    """When a limit ends that was stated at that time, in epoch seconds.

    A reset that is not stated, or cannot be read, is ASSIGNER_LIMIT_WAIT seconds away.  One that
    is said to be over already is not: the account was at its limit a moment ago.
    """
    stated = resets.parse(reset, at) if reset else None
    if stated is None:
        return clock.text(at + store.settings.limit_wait)
    return clock.text(max(stated, at + _SHORTEST))


def moment(reset: str | None, at: float | None) -> str | None:
    """What was meant by a reset that was stated at that time, however late it is read."""
    meant = resets.parse(reset, at) if reset and at is not None else None
    return reset if meant is None else clock.text(max(meant, clock.now()))


def note(store: Store, name: str, until: str, reason: str) -> None:
    """Write, in a transaction, that an account is at its limit: it holds sessions and prompts."""
    store.run("note_limit", account=name, until=until, reason=reason)
    store.run("limit_sessions", account=name, until=until, reason=said(name, until))
    store.run("hold_limited", account=name)


def release_due(store: Store) -> None:
    """Limits whose time has come hold nothing any more."""
    due = store.rows("due_limits")
    if not due:
        return
    with store.transaction():
        for row in due:
            if store.run("end_limit", account=row["account"]):
                prompts.release(store, "limit", row["account"])


def said(name: str, until: str) -> str:
    """Why a session takes no prompts, for people."""
    return f"account '{name}' is at its limit until {until[:16]}Z"

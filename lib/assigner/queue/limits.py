"""Usage limits: an account at its limit holds all its sessions until the limit ends.

A limit is not a failure.  Its row stays in the table usage_limits until the limit ends.
"""

from datetime import tzinfo

from assigner import clock
from assigner.queue import prompts
from assigner.store.database import Row, Store

_SHORTEST = 60.0  # seconds


def active(store: Store) -> dict[str, Row]:
    """The limits in force, by account."""
    return {row["account"]: row for row in store.rows("usage_limits/list")}


def end(store: Store, reset: str | None, at: float, zone: tzinfo | None = None) -> str:
    """When a limit ends that an agent reported at the time `at` (epoch seconds); `reset` is the
    agent's statement, in its time zone `zone`.

    A missing or unreadable reset counts as ASSIGNER_LIMIT_WAIT seconds away.  A reset in the past
    counts as a minute away at most, because the account was at its limit a moment ago.
    """
    stated = _parse(reset, at, zone) if reset else None
    wait = store.settings.limit_wait
    if stated is None:
        return clock.text(at + wait)
    return clock.text(max(stated, at + min(_SHORTEST, wait)))


def moment(reset: str | None, at: float | None, zone: tzinfo | None = None) -> str | None:
    """The time meant by `reset`, which an agent in the time zone `zone` stated at the time `at`
    (epoch seconds).

    `reset` itself if it is unreadable.  A time in the past counts as now.
    """
    meant = _parse(reset, at, zone) if reset and at is not None else None
    return reset if meant is None else clock.text(max(meant, clock.now()))


def _parse(reset: str, at: float, zone: tzinfo | None) -> float | None:
    from assigner.queue import reset_times  # many expressions, and limits are rare

    return reset_times.parse(reset, at, zone)


def note(store: Store, name: str, until: str, reason: str) -> None:
    """Record that an account is at its limit, and hold its sessions and prompts.

    Call it inside a transaction.
    """
    store.run("usage_limits/note", account=name, until=until, reason=reason)
    store.run("sessions/limit", account=name, until=until, reason=said(name, until))
    prompts.look_again(store)


def lift(store: Store, account: str) -> None:
    """A person says that an account's limit is over.  The caller looks again at the prompts."""
    if store.run("usage_limits/lift", account=account):
        store.run("sessions/lift_limit", account=account)


def release_due(store: Store) -> None:
    """Release the limits that have ended."""
    due = store.rows("usage_limits/due")
    if not due:
        return
    with store.transaction():
        for row in due:
            store.run("usage_limits/end", account=row["account"])
        prompts.look_again(store)


def said(name: str, until: str) -> str:
    """Why a session takes no prompts, for people."""
    return f"account '{name}' is at its limit until {until[:16]}Z"

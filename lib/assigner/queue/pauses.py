"""pause, resume: running prompts continue to their end, and passes claim no new ones.

A paused session has a flag in its row; a pause of a provider, or of everything, is a row of the
table pauses.
"""

import os
import pwd
from collections.abc import Sequence
from typing import Literal, NamedTuple, cast

from assigner import clock, states
from assigner.agents import registry
from assigner.errors import UsageError
from assigner.queue import (
    agent_versions,
    attempts,
    events,
    limits,
    logins,
    outages,
    prompts,
    sessions,
)
from assigner.store.database import Row, Store
from assigner.store.rows import Session

_BATCH = 20_000  # prompts per transaction, so that other processes can write in between


class Place(NamedTuple):
    """The object of a pause: a `session` or a `provider` by name, or `everything`."""

    kind: str
    name: str = ""

    @property
    def held_on(self) -> str:
        """The value of held_on of prompts that wait for the end of this pause."""
        return self.name or self.kind


def places(
    store: Store, names: Sequence[str], provider: str | None, everything: bool
) -> list[Place]:
    """The places that a person names, checked.  UsageError names the known ones."""
    if (bool(names), provider is not None, everything).count(True) != 1:
        raise UsageError("give sessions, or --provider P, or --all")
    from assigner.queue import drafts  # 2 ms; passes only ask what is paused

    drafts.check_target(None, provider, registry.names())
    for name in names:
        sessions.find(store, name)
    if everything:
        return [Place("everything")]
    if provider is not None:
        return [Place("provider", provider)]
    return [Place("session", name) for name in dict.fromkeys(names)]


def pause(store: Store, wanted: Sequence[Place]) -> list[Row]:
    """Pause these places.  Returns rows with the time of the pause and the affected prompts.

    The pause takes effect in one transaction; marking the waiting prompts takes several more.
    Releases claims that no pass is typing yet: deliver commits the stage `typing` before it types,
    which then fails.
    """
    with store.transaction():
        rows = [_paused(store, place) for place in wanted]
        live = store.rows("attempts/live")
        for place, row in zip(wanted, rows, strict=True):
            row |= {"held": 0, "given_back": [], "running": []}
            for attempt in live:
                if place not in (
                    ("everything", ""),
                    ("provider", attempt["provider"]),
                    ("session", attempt["session"]),
                ):
                    continue
                untyped = attempt["stage"] in states.UNTYPED
                row["given_back" if untyped else "running"].append(attempt["prompt_id"])
                if untyped:
                    paused = attempts.Verdict(attempt, "released", evidence={"released": "paused"})
                    attempts.finish(store, paused)
    for place, row in zip(wanted, rows, strict=True):
        row["held"] = _hold(store, place)
    return rows


def resume(store: Store, wanted: Sequence[Place]) -> list[Row]:
    """End the pause of these places.  Returns rows with the number of released prompts.

    Other pauses stay in force.
    """
    with store.transaction():
        for place in wanted:
            if place.kind == "session":
                session = sessions.find(store, place.name)
                sessions.renew(store, place.name)
                logins.renew(store, session)
                if session["paused"]:
                    none = {"paused_at": None, "paused_by": None}
                    store.update("sessions", session["id"], paused=0, **none)
            elif store.run("pauses/end", provider=place.name):
                _event(store, place, "resumed")
            if place.kind == "provider":
                agent_versions.release(store, place.name)
                outages.resume(store, place.name)
    return [
        {"kind": place.kind, "name": place.name or None, "released": _release(store, place)}
        for place in wanted
    ]


def resume_account(store: Store, account: str, others: bool) -> Row:
    """End what keeps an account from getting prompts: a failed login, a usage limit, an outage.

    Returns a row as `resume` does.  UsageError for an account that no session has, or if a person
    has named `others`, too.
    """
    if others:
        raise UsageError("give --account alone")
    known = sorted({logins.account_of(row) for row in store.rows("sessions/list")} - {""})
    if account not in known:
        raise UsageError(f"no session has the account '{account}' (known: {', '.join(known)})")
    with store.transaction():
        logins.renew_account(store, account)
        limits.lift(store, account)
        released = prompts.look_again(store)
    return {"kind": "account", "name": account, "released": released}


def listed(store: Store) -> list[Row]:
    """All pauses in force: kind, name, since when and by whom."""
    places: list[tuple[Place, Row | Session]] = [
        (Place("provider" if r["provider"] else "everything", r["provider"]), r)
        for r in store.rows("pauses/list")
    ]
    places += [(Place("session", r["name"]), r) for r in store.rows("sessions/list") if r["paused"]]
    return [_row(place, row) for place, row in places]


def named(row: Row) -> str:
    """The place of a row of `listed`, for people."""
    return f"{row['kind']} {row['name'] or ''}".strip()


def providers_paused(store: Store) -> set[str]:
    """The paused providers; an empty name means everything."""
    return {row["provider"] for row in store.rows("pauses/list")}


def why(session: Session, stopped: set[str]) -> str:
    """Which pause keeps a session from getting prompts; empty if none does.

    `stopped` is the result of providers_paused.
    """
    if "" in stopped:
        return "everything is paused"
    if session["paused"]:
        return "paused"
    if session["provider"] in stopped:
        return f"provider {session['provider']} is paused"
    return ""


def held_ons(store: Store) -> set[str]:
    """All values of held_on that a current pause may cause."""
    return {row["name"] or row["kind"] for row in listed(store)}


def _hold(store: Store, place: Place) -> int:
    """Mark the waiting prompts that can run only in that place as held; their number."""
    if place.kind == "everything":
        return _in_batches(store, place, "prompts/hold_all")
    if place.kind == "session":
        return _in_batches(store, place, "prompts/hold_session", name=place.name)
    held = _in_batches(store, place, "prompts/hold_provider")
    for session in store.rows("sessions/list"):
        if session["provider"] == place.name:
            held += _in_batches(store, place, "prompts/hold_session", name=session["name"])
    return held


def _in_batches(store: Store, place: Place, query: str, **values: str) -> int:
    """Repeat the query while it finds prompts and the pause lasts; the number held."""
    held, batch = 0, _BATCH
    while batch == _BATCH:
        with store.transaction():
            if place.held_on not in held_ons(store):
                break
            batch = store.run(query, held_on=place.held_on, limit=_BATCH, **values)
        held += batch
    return held


def _release(store: Store, place: Place) -> int:
    """Release the prompts that this pause holds; their number."""
    group = {"held_by": "pause", "held_on": place.held_on}
    released = last = 0
    while True:
        with store.transaction():
            batch = store.rows("prompts/held_group", **group, last=last, limit=_BATCH)
            if not batch:
                return released
            first, last = batch[0]["id"], batch[-1]["id"]
            released += store.run("prompts/release_some", **group, first=first, last=last)


def _paused(store: Store, place: Place) -> Row:
    """Pause a place unless it is paused already; its row."""
    since = {"paused_at": clock.text(clock.now()), "paused_by": _who(store)}
    if place.kind == "session":
        session = sessions.find(store, place.name)
        if session["paused"]:
            return _row(place, session)
        store.update("sessions", session["id"], paused=1, **since)
    else:
        for known in store.rows("pauses/list"):
            if known["provider"] == place.name:
                return _row(place, known)
        store.insert("pauses", {"host": store.settings.host, "provider": place.name, **since})
        _event(store, place, "paused")
    return _row(place, since)


def _row(place: Place, since: Row | Session) -> Row:
    return {
        "kind": place.kind,
        "name": place.name or None,
        "paused_at": since["paused_at"],
        "paused_by": since["paused_by"],
    }


def _event(store: Store, place: Place, what: Literal["paused", "resumed"]) -> None:
    data = {"by": store.actor, "provider": place.name or None}
    type = cast(states.EventType, f"{place.kind}.{what}")
    events.record(store, type, data)


def _who(store: Store) -> str:
    """The user, and the tool that the user ran."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    return f"{name} ({store.actor})"

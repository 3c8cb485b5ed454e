"""pause, resume: what runs runs to its end, and nothing new is claimed.

A session says itself that it is paused; a provider, or everything, stands in the table pauses.
"""

import os
import pwd
from collections.abc import Sequence
from typing import NamedTuple

from assigner import attempts, clock, drafting, events, providers, sessions
from assigner.db import Row, Store
from assigner.errors import UsageError

_BATCH = 20_000  # prompts of one transaction: others get their turn in between


class Place(NamedTuple):
    """What is paused: a `session` or a `provider` by its name, or `everything`."""

    kind: str
    name: str = ""

    @property
    def held_on(self) -> str:
        """How prompts that wait for it name it."""
        return self.name or self.kind


def places(
    store: Store, names: Sequence[str], provider: str | None, everything: bool
) -> list[Place]:
    """What a person names, checked.  UsageError, which says what there is."""
    if (bool(names), provider is not None, everything).count(True) != 1:
        raise UsageError("give sessions, or --provider P, or --all")
    drafting.check_target(None, provider, providers.names())
    for name in names:
        sessions.find(store, name)
    if everything:
        return [Place("everything")]
    if provider is not None:
        return [Place("provider", provider)]
    return [Place("session", name) for name in dict.fromkeys(names)]


def pause(store: Store, wanted: Sequence[Place]) -> list[Row]:
    """Claim nothing more there; rows that say since when, and what becomes of the claims.

    All of it holds from one transaction on; that waiting prompts say so follows in several.
    What nobody has begun to type is given back: deliver commits the stage `typing` before it
    types, and finds that it no longer can.
    """
    with store.transaction():
        rows = [_paused(store, place) for place in wanted]
        live = store.rows("live_attempts")
        for place, row in zip(wanted, rows, strict=True):
            row |= {"held": 0, "given_back": [], "running": []}
            for attempt in live:
                if place not in (
                    ("everything", ""),
                    ("provider", attempt["provider"]),
                    ("session", attempt["session"]),
                ):
                    continue
                untyped = attempt["stage"] in attempts.UNTYPED
                row["given_back" if untyped else "running"].append(attempt["prompt_id"])
                if untyped:
                    paused = attempts.Verdict(attempt, "released", evidence={"released": "paused"})
                    attempts.finish(store, paused)
    for place, row in zip(wanted, rows, strict=True):
        row["held"] = _hold(store, place)
    return rows


def resume(store: Store, wanted: Sequence[Place]) -> list[Row]:
    """Let prompts be claimed there again; rows that say how many no longer wait for it.

    What else is paused stays so.
    """
    with store.transaction():
        for place in wanted:
            if place.kind == "session":
                session = sessions.find(store, place.name)
                sessions.renew(store, place.name)
                if session["paused"]:
                    none = {"paused_at": None, "paused_by": None}
                    store.update("sessions", session["id"], paused=0, **none)
            elif store.run("end_pause", provider=place.name):
                _event(store, place, "resumed")
    return [
        {"kind": place.kind, "name": place.name or None, "released": _release(store, place)}
        for place in wanted
    ]


def listed(store: Store) -> list[Row]:
    """All that is paused, with since when and by whom."""
    places = [
        (Place("provider" if r["provider"] else "everything", r["provider"]), r)
        for r in store.rows("pauses")
    ]
    places += [(Place("session", r["name"]), r) for r in store.rows("sessions") if r["paused"]]
    return [_row(place, row) for place, row in places]


def named(row: Row) -> str:
    """What a row of `listed` is about, for people."""
    return f"{row['kind']} {row['name'] or ''}".strip()


def providers_paused(store: Store) -> set[str]:
    """The providers that are paused; an empty name stands for everything."""
    return {row["provider"] for row in store.rows("pauses")}


def why(session: Row, stopped: set[str]) -> str:
    """What keeps a session from being given prompts, empty if nothing does.

    `stopped` is what providers_paused says.
    """
    if "" in stopped:
        return "everything is paused"
    if session["paused"]:
        return "paused"
    if session["provider"] in stopped:
        return f"provider {session['provider']} is paused"
    return ""


def held_ons(store: Store) -> set[str]:
    """All that prompts may be held on by a pause."""
    return {row["name"] or row["kind"] for row in listed(store)}


def _hold(store: Store, place: Place) -> int:
    """Have the waiting prompts that can run nowhere else say so; how many."""
    if place.kind == "everything":
        return _in_batches(store, place, "hold_all")
    if place.kind == "session":
        return _in_batches(store, place, "hold_session", name=place.name)
    held = _in_batches(store, place, "hold_provider")
    for session in store.rows("sessions"):
        if session["provider"] == place.name:
            held += _in_batches(store, place, "hold_session", name=session["name"])
    return held


def _in_batches(store: Store, place: Place, query: str, **values: str) -> int:
    """Run the query as long as there is work for it and the pause lasts; how many it has held."""
    held, batch = 0, _BATCH
    while batch == _BATCH:
        with store.transaction():
            if place.held_on not in held_ons(store):
                break
            batch = store.run(query, held_on=place.held_on, limit=_BATCH, **values)
        held += batch
    return held


def _release(store: Store, place: Place) -> int:
    """Have those that waited for it wait for what else there is; how many."""
    group = {"held_by": "pause", "held_on": place.held_on}
    released = last = 0
    while True:
        with store.transaction():
            batch = store.rows("held_group", **group, last=last, limit=_BATCH)
            if not batch:
                return released
            first, last = batch[0]["id"], batch[-1]["id"]
            released += store.run("release_some", **group, first=first, last=last)


def _paused(store: Store, place: Place) -> Row:
    """Pause it unless it is; its row."""
    since = {"paused_at": clock.text(clock.now()), "paused_by": _who(store)}
    if place.kind == "session":
        session = sessions.find(store, place.name)
        if session["paused"]:
            return _row(place, session)
        store.update("sessions", session["id"], paused=1, **since)
    else:
        for known in store.rows("pauses"):
            if known["provider"] == place.name:
                return _row(place, known)
        store.insert("pauses", {"host": store.settings.host, "provider": place.name, **since})
        _event(store, place, "paused")
    return _row(place, since)


def _row(place: Place, since: Row) -> Row:
    return {
        "kind": place.kind,
        "name": place.name or None,
        "paused_at": since["paused_at"],
        "paused_by": since["paused_by"],
    }


def _event(store: Store, place: Place, what: str) -> None:
    data = {"by": store.actor, "provider": place.name or None}
    events.record(store, f"{place.kind}.{what}", data)


def _who(store: Store) -> str:
    """The person, and the tool by which it was done."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    return f"{name} ({store.actor})"

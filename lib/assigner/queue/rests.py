"""Rests: a session that gives claims back again and again, or in which several prompts in a row
fail, is offered no prompts for a while.

Such a session is free before those that work, and so would take most of the queue.
"""

from assigner import clock
from assigner.queue import prompts
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt, Session

_LONGEST = 3600.0  # seconds


def note_given_back(store: Store, attempt: LiveAttempt, reason: str) -> None:
    """Count a claim that its session gave back; the session rests if it has given back several in a
    row.  Call inside the transaction that releases the attempt.

    A prompt that another session gave back, too, says nothing about the session: the prompt itself
    waits for a while if several sessions have given it back that often.
    """
    settings, prompt = store.settings, attempt["prompt_id"]
    if not settings.rest_after:
        return
    if store.one("attempts/given_back_elsewhere", prompt_id=prompt, session=attempt["session"]):
        row = store.one("attempts/given_back_in_a_row", prompt_id=prompt)
        if row and row["given_back"] >= settings.rest_after:
            prompts.put_off(store, prompt, _end(store, row["given_back"]))
        return
    store.run("sessions/count_given_back", name=attempt["session"])
    session = store.one("sessions/get", name=attempt["session"])
    if session and session["given_back"] >= settings.rest_after:
        reason = f"gave back {session['given_back']} prompts in a row: {reason}"
        _begin(store, session["name"], _end(store, session["given_back"]), reason)


def note_failed(store: Store, attempt: LiveAttempt, error: str) -> None:
    """An attempt has failed in a session, which rests if several prompts in a row have.  Call it
    inside the transaction that ends the attempt.

    Prompts that failed in another session, too, do not count, and prompts in one directory count
    only if another session has completed one there meanwhile: else the work is to blame.
    """
    settings, name = store.settings, attempt["session"]
    if not settings.rest_after:
        return
    store.run("sessions/begin_failing", name=name, attempt=attempt["id"])
    session = store.one("sessions/get", name=name)
    assert session is not None
    first = session["failing_from"]
    rows = store.rows("attempts/failed_in_a_row", session=name, first=first)
    failed = {row["prompt_id"]: row["working_dir"] for row in rows}
    if len(failed) < settings.rest_after:
        return
    places = set(failed.values())
    if len(places) > 1 or store.one(
        "attempts/completed_elsewhere", session=name, first=first, directory=places.pop()
    ):
        reason = f"{len(failed)} prompts in a row failed there: {error}"
        _begin(store, name, _end(store, len(failed)), reason)


def begin(store: Store, name: str, reason: str, seconds: float = _LONGEST) -> None:
    """Let a session rest.  Call in a transaction."""
    _begin(store, name, clock.text(clock.now() + seconds), reason)


def _begin(store: Store, name: str, until: str, reason: str) -> None:
    store.run("sessions/rest", name=name, until=until, reason=reason)
    prompts.look_again(store)


def release_due(store: Store) -> None:
    """End the rests whose time is over.  The session is offered one prompt, and rests longer if it
    gives that back, too.
    """
    due = store.rows("sessions/rested")
    if due:
        with store.transaction():
            for row in due:
                end(store, row["name"])


def end(store: Store, name: str) -> None:
    """End a session's rest, and release the prompts that wait for it.  Call in a transaction."""
    if store.run("sessions/end_rest", name=name):
        prompts.look_again(store)


def said(session: Row | Session) -> str:
    """Why a session rests, for people; empty if it does not."""
    until = session["resting_until"]
    return f"rests until {until[:16]}Z: {session['rest_reason']}" if until else ""


def _end(store: Store, times: int) -> str:
    """When a rest ends that begins now, after that many claims in a row were given back."""
    settings = store.settings
    doubled = settings.rest * 2.0 ** min(times - settings.rest_after, 20)
    return clock.text(clock.now() + min(doubled, max(_LONGEST, settings.rest)))

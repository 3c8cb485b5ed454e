"""foundation-check: sessions that have a profile, and nothing to do, are given their next task.

The goals and the queue are two databases, which share no transaction.  So a task becomes a prompt
in the queue first, together with a row that says of which task it is; only then the goals are
told, and told again until they know; and what became of it reaches the goals before the queue
forgets that they are to be told.  Killed anywhere, the next pass goes on; a task whose prompt is
not settled is never given out, and the prompt's key lets no try of a task be queued twice.
"""

from collections.abc import Sequence

from assigner import clock
from assigner.goals import dispatch, results, worklog
from assigner.goals.profiles import Profile
from assigner.goals.round import Round
from assigner.store.database import Row, Store
from assigner.tmux.panes import PaneId

HOUR = 3600.0


def check(
    store: Store, profiles: Sequence[Profile], *, due_only: bool = False
) -> tuple[list[Row], list[str]]:
    """One check of these profiles; what was given or came to its end, and what went wrong.

    With `due_only` a profile is left alone that was checked less than its interval ago.
    """
    known = {row["session"]: row for row in store.rows("profiles/list")}
    due = [p for p in profiles if not due_only or _is_due(p, known.get(p.session))]
    this = Round(store)
    try:
        results.settle(this)
        waiting = {profile.session: _hindrance(this, profile) for profile in due}
        with store.transaction():
            for profile in due:
                _see(this, profile, known.get(profile.session), waiting[profile.session])
        dispatch.give(this, [profile for profile in due if waiting[profile.session] is None])
    finally:
        this.close()
    touched = {row["session"] for row in this.rows} | {p.session for p in due}
    if not store.dry:
        worklog.publish(store, [p for p in profiles if p.session in touched])
    return this.rows, this.problems


def waits_for(store: Store, profile: Profile) -> str | None:
    """Why a profile's session is given nothing now; None if it would be."""
    return _hindrance(Round(store), profile)


def _is_due(profile: Profile, known: Row | None) -> bool:
    if known is None or known["checked_at"] is None:
        return True
    return clock.since(known["checked_at"], clock.now()) >= profile.every


def _see(this: Round, profile: Profile, known: Row | None, hindrance: str | None) -> None:
    """Write down whether the session is there and idle."""
    session = this.sessions.get(profile.session)
    pane, start, count = None, None, 0
    if known:
        pane, start, count = known["pane"], known["session_start"], known["idle_count"]
    if session is None or session["status"] == "offline":
        pane = None
    elif session["status"] != "unknown":
        there = " ".join(map(str, PaneId.of(session).place[1:]))
        if pane != there:
            pane, start = there, clock.text(clock.now())
    idle = session is not None and session["status"] == "idle" and hindrance != _HAS_WORK
    this.store.run(
        "profiles/see",
        session=profile.session, pane=pane, session_start=start,
        idle_count=count + 1 if idle else 0,
    )  # fmt: skip


_HAS_WORK = "it has work"


def _hindrance(this: Round, profile: Profile) -> str | None:
    """Why the session is given nothing now."""
    store, session, now = this.store, this.sessions.get(profile.session), clock.now()
    if session is None or session["status"] == "offline":
        return "it does not run"
    if not session["enrolled"]:
        return f"it is not enrolled: assigner enroll {profile.session}"
    if session["status"] != "idle":
        return f"it is {session['status']}"
    if store.one("profile_work/exists", session=profile.session):
        return _HAS_WORK
    idle = clock.since(session["idle_since"], now)
    if idle < profile.idle_threshold:
        return f"it is idle for {idle:.0f} of {profile.idle_threshold:g} s"
    if session["paused"] or this.paused & {"", session["provider"]}:
        return "it is paused"
    if profile.is_quiet(now):
        return "these are its quiet hours"
    if profile.tasks_per_hour:
        since = clock.text(now - HOUR)
        row = store.one("profile_work/count_since", session=profile.session, since=since)
        if row and row["given"] >= profile.tasks_per_hour:
            return f"it was given {row['given']} tasks in the last hour"
    return None

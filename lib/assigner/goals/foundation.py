"""foundation-check: give each idle session with a profile its next task.

The goals and the queue are two databases, which share no transaction.  So a task first becomes a
prompt in the queue, together with a row that names the task; then the goals record it, however
often a pass must try.  Its end is recorded in the goals before the queue settles that row.  Killed
anywhere, the next pass goes on: a task whose prompt is not settled is never given, and the key of
the prompt prevents that one try of a task is queued twice.
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
    """One check of these profiles; what was given or has ended, and the problems.

    With `due_only` it skips profiles that were checked less than their interval ago.
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
    """Why the session of a profile gets no task now; None if it would get one."""
    return _hindrance(Round(store), profile)


def _is_due(profile: Profile, known: Row | None) -> bool:
    if known is None or known["checked_at"] is None:
        return True
    return clock.since(known["checked_at"], clock.now()) >= profile.every


def _see(this: Round, profile: Profile, known: Row | None, hindrance: str | None) -> None:
    """Record whether the session runs and is idle."""
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


_HAS_WORK = "the session has work"


def _hindrance(this: Round, profile: Profile) -> str | None:
    """Why the session gets no task now."""
    store, session, now = this.store, this.sessions.get(profile.session), clock.now()
    if session is None or session["status"] == "offline":
        return "the session is not running"
    if not session["enrolled"]:
        return f"the session is not enrolled: assigner enroll {profile.session}"
    if session["status"] != "idle":
        return f"the session is {session['status']}"
    if store.one("profile_work/exists", session=profile.session):
        return _HAS_WORK
    idle = clock.since(session["idle_since"], now)
    if idle < profile.idle_threshold:
        return f"the session has been idle for {idle:.0f} of {profile.idle_threshold:g} s"
    if session["paused"] or this.paused & {"", session["provider"]}:
        return "the session is paused"
    if profile.is_quiet(now):
        return "the profile has quiet hours now"
    if profile.tasks_per_hour:
        since = clock.text(now - HOUR)
        row = store.one("profile_work/count_since", session=profile.session, since=since)
        if row and row["given"] >= profile.tasks_per_hour:
            return f"the session got {row['given']} tasks in the last hour"
    return None

"""keepalive: restarts enrolled sessions that have died, and reports sessions that hang.

A start that lasts less than a minute is a quick death: the next start waits, longer each time, and
after five quick deaths in a row keepalive gives the session up.
"""

import json
import time
from collections.abc import Mapping

from assigner import clock
from assigner.agents import detect, launch
from assigner.agents.hooks import folder_trust, install
from assigner.errors import AssignerError
from assigner.queue import backoff, events, sessions
from assigner.sessions import enroll, environment, scan, start
from assigner.states import Action, EventType
from assigner.store import state_dir
from assigner.store.database import Row, Store
from assigner.store.rows import Session
from assigner.tmux import client

LASTS = 60.0  # seconds: a start that lasts less has failed
MOST_QUICK_DEATHS = 5
_SLOWEST = 3  # a shell's start-up files may take this many times ASSIGNER_START_WAIT
_POLL = 0.05


def keep(store: Store, silent: Mapping[str, str], *, settle: float) -> list[Row]:
    """Restart the sessions that have died.  Returns a row for each action.

    Call it after `scan`, which found the sockets in `silent` unreachable, and after `observe`: the
    pane of a dead session is evidence of its prompt's outcome.  Waits at most `settle` seconds
    until all restarted sessions are ready.
    """
    done = [row for session in sessions.kept_alive(store) for row in _look_after(store, session)]
    dead = {row["name"]: row for row in sessions.kept_alive(store) if _is_dead(row, silent)}
    live = {attempt["session"]: attempt for attempt in store.rows("attempts/live")}
    started: list[Row] = []
    for name, session in dead.items():
        if name in live:
            reason = f"attempt {live[name]['id']} is not judged yet"
            done.append(_as_row(name, "deferred", reason))
        elif row := _again(store, session):
            has_begun = row["action"] == "started" and not store.dry
            (started if has_begun else done).append(row)
    return done + _wait_until_started(store, started, settle)


def _is_dead(session: Session, silent: Mapping[str, str]) -> bool:
    """Whether to restart a session: it is offline, not given up and not paused."""
    given_up = session["given_up_reason"] or session["paused"]
    return session["status"] == "offline" and not given_up and session["socket"] not in silent


def _look_after(store: Store, session: Session) -> list[Row]:
    """Record that a live session has lasted; report a busy one that has long been silent."""
    if session["status"] in ("offline", "unknown") or store.dry:
        return []
    age = clock.now() - clock.seconds(session["started_at"]) if session["started_at"] else LASTS
    if session["start_file"]:
        if age > _SLOWEST * store.settings.start_wait:
            start.cancel(store, session)
        return []
    if age >= LASTS or session["given_up_reason"]:  # the user may have restarted it
        with store.transaction():
            sessions.renew(store, session["name"])
    enroll.keep_environment(store, session)
    last = session["last_activity"]
    if session["status"] != "busy" or last is None or last == session["stuck_reported_for"]:
        return []
    quiet = clock.now() - clock.seconds(last)
    if quiet < store.settings.stuck_after:
        return []
    reason = f"busy without output since {last}"
    with store.transaction():
        sessions.note_stuck(store, session, last)
        _event(store, session, "session.stuck", reason)
    return [_as_row(session["name"], "stuck", reason)]


def _again(store: Store, session: Session) -> Row | None:
    """Restart a session that has died.  Returns the row to print; None if it is too early.

    Gives the session up after too many quick deaths.
    """
    name, deaths, settings = session["name"], session["failed_starts"], store.settings
    if deaths >= MOST_QUICK_DEATHS:
        return _give_up(store, session)
    if deaths:
        wait = backoff.delay(
            deaths, base=settings.backoff_base, limit=settings.backoff_limit, jitter=0
        )
        if clock.since(session["started_at"], clock.now()) < wait:
            return None
    directory = session["start_dir"] or "/"
    if problem := state_dir.directory_problem(directory):
        return _as_row(name, "deferred", problem)
    if store.dry:
        return _as_row(name, "started", session["status_reason"])
    known = session["socket"] in settings.sockets
    socket = session["socket"] if known else settings.sockets[0]
    is_agent = detect.is_agent(session["provider"])
    try:
        plan = _plan(store, session, directory)
        if refusal := start.start(store, session, plan, socket, stays=is_agent):
            return _as_row(name, "deferred", refusal)
    except (client.NoServer, client.Unreachable, AssignerError) as error:
        return _as_row(name, "failed", str(error))
    with store.transaction():
        _event(store, session, "session.started", session["status_reason"])
    return _as_row(name, "started", session["status_reason"])


def _plan(store: Store, session: Session, directory: str) -> start.Plan:
    """How to restart a session; continues its conversation unless that start just failed."""
    base = environment.kept(store, session["environment_file"])
    exports = dict(base or {})
    line = session["start_command"]
    if agent := detect.known(session["provider"]):
        options = install.options(agent, store.settings)
        trusted = json.loads(session["trusted_dirs"])
        argv = options.argv + folder_trust.trust(agent, trusted, directory, exports)
        resumed = session["failed_starts"] == 0
        line = launch.command_line(agent, session, argv, resumed=resumed)
        exports |= options.variables
    return start.Plan(directory, line, exports, login=start.login_shell() if base is None else None)


def _give_up(store: Store, session: Session) -> Row:
    name = session["name"]
    reason = (
        f"given up after {MOST_QUICK_DEATHS} starts that lasted less than {LASTS:g} s each"
        f" ({session['status_reason']}): 'resume {name}' tries again"
    )
    with store.transaction():
        sessions.give_up(store, session, reason)
        _event(store, session, "session.given_up", reason)
    return _as_row(name, "given-up", reason)


def _wait_until_started(store: Store, started: list[Row], seconds: float) -> list[Row]:
    """Wait at most `seconds` until all started sessions are ready; rows with their status."""
    until = time.monotonic() + seconds
    names = {row["session"] for row in started}
    while names:
        scan.scan(store)
        now = {row["name"]: row for row in sessions.kept_alive(store)}
        if all(_has_come(store, now[name]) for name in names) or time.monotonic() > until:
            return [
                _as_row(name, "started", f"{now[name]['status']}: {now[name]['status_reason']}")
                for name in sorted(names)
            ]
        time.sleep(_POLL)
    return started


def _has_come(store: Store, session: Session) -> bool:
    """Whether the started session is ready, or has already ended."""
    if session["status"] == "offline":
        return not start.is_due(store, session)
    return session["status"] not in ("busy", "unknown")


def _event(store: Store, session: Session, kind: EventType, reason: str) -> None:
    events.record(store, kind, {"reason": reason, "by": store.actor}, session=session["name"])


def _as_row(session: str, action: Action, reason: str) -> Row:
    return {
        "attempt": None, "prompt": None, "session": session, "action": action, "reason": reason
    }  # fmt: skip

"""The work of a profile's session in two files: its state as JSON, and its work log.

Both are written from the database, after a commit, so that a killed pass loses nothing and counts
nothing twice.
"""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from assigner import clock
from assigner.config import Settings
from assigner.goals.profiles import Profile
from assigner.states import OPEN
from assigner.store import log, state_dir
from assigner.store.database import Row, Store
from assigner.store.rows import Session
from assigner.system import private_files, terminal_text

_TAIL = 65536  # bytes at the end of the log to search for lines that are already written


def directory(settings: Settings) -> Path:
    """The directory of states and logs, created if missing.  OSError."""
    private_files.own_directory(settings.foundation)
    return settings.foundation


def state_file(settings: Settings, profile: Profile) -> Path:
    return settings.foundation / f"{profile.name}.json"


def log_file(settings: Settings, profile: Profile) -> Path:
    return settings.foundation / f"{profile.name}.log"


def note(store: Store, session: str, text: str) -> None:
    """In a transaction: a line for the work log."""
    at = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%d %H:%M:%S")
    line = f"{at} - {terminal_text.visible(' '.join(text.split()))}"
    store.run("work_log_lines/add", session=session, text=line)


def publish(store: Store, profiles: Sequence[Profile]) -> None:
    """Write the states and the new lines of the logs.  OSError."""
    directory(store.settings)
    known = {row["session"]: row for row in store.rows("profiles/list")}
    sessions = {row["name"]: row for row in store.rows("sessions/list")}
    work = open_work(store)
    news: dict[str, list[Row]] = {}
    for line in store.rows("work_log_lines/list"):
        news.setdefault(line["session"], []).append(line)
    for profile in profiles:
        name = profile.session
        state = _state(known.get(name), sessions.get(name), work.get(name))
        text = json.dumps(state, ensure_ascii=False, indent=1) + "\n"
        file = state_file(store.settings, profile)
        if _read(file) != text:
            _replace(file, text)
        _write_log(store, profile, news.get(name, []))
    written = [line for profile in profiles for line in news.get(profile.session, [])]
    if written:
        with store.transaction():
            store.run_many("work_log_lines/delete", written)


def open_work(store: Store) -> dict[str, Row]:
    """The first open work that profiles have given each session."""
    found: dict[str, Row] = {}
    for row in store.rows("profile_work/open"):
        if row["status"] in OPEN or row["prompt_retry_at"]:
            found.setdefault(row["session"], row)
    return found


def task_number(work: Mapping[str, Any]) -> Any:
    """The number that people know: the goal task's, else the prompt's."""
    task = work["task"]
    if task is None:
        return work["prompt_id"]
    return int(task) if str(task).isdecimal() else task


def _state(known: Row | None, session: Session | None, work: Row | None) -> Row:
    return {
        "session_start": known and known["session_start"],
        "tasks_completed": known["tasks_completed"] if known else 0,
        "tasks_failed": known["tasks_failed"] if known else 0,
        "last_activity": session and session["last_activity"],
        "current_task": _current(work),
        "idle_count": known["idle_count"] if known else 0,
        "work_sessions": known["work_sessions"] if known else 0,
    }


def _current(work: Row | None) -> Row | None:
    if work is None:
        return None
    return {
        "id": task_number(work),
        "content": work["content"],
        "priority": work["priority"],
        "prompt": work["prompt_id"],
        "kind": work["kind"],
    }


def status(store: Store, profile: Profile) -> Row:
    """The state of a profile's session, under the names of the HTTP interface."""
    session = store.one("sessions/get", name=profile.session)
    known = next((r for r in store.rows("profiles/list") if r["session"] == profile.session), None)
    state = _state(known, session, open_work(store).get(profile.session))
    running = session is not None and session["status"] != "offline"
    start = state["session_start"]
    uptime = max(0, int(clock.now() - clock.seconds(start))) if running and start else 0
    idle = session is not None and session["status"] == "idle"
    return {
        "profile": profile.name,
        "session_name": profile.session,
        "session_running": running,
        "uptime_seconds": uptime,
        "uptime_formatted": str(timedelta(seconds=uptime)),
        **state,
        "is_idle": idle,
        "is_busy": session is not None and session["status"] == "busy",
        "feature_env": profile.environment,
        "feature_port": profile.port,
    }


def entries(settings: Settings, profile: Profile, limit: int) -> tuple[list[str], int]:
    """The last lines of the work log, and how many it has.  OSError."""
    lines = (_read(log_file(settings, profile)) or "").splitlines()
    return lines[-limit:] if limit > 0 else [], len(lines)


def _write_log(store: Store, profile: Profile, lines: Sequence[Row]) -> None:
    if not lines:
        return
    file = log_file(store.settings, profile)
    written = set(_tail(file))  # by a pass that was killed before it could record that
    log.append(
        store.settings, file, [line["text"] for line in lines if line["text"] not in written]
    )


def _tail(file: Path) -> list[str]:
    try:
        with private_files.own_file(file) as opened:
            opened.seek(max(0, os.fstat(opened.fileno()).st_size - _TAIL))
            return opened.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []


def _replace(file: Path, text: str) -> None:
    """At once or not at all."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    state_dir.write(aside, text)
    os.replace(aside, file)


def _read(file: Path) -> str | None:
    try:
        with private_files.own_file(file) as opened:
            return opened.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return None

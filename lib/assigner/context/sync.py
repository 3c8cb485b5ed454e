"""sync-context: finds the context of each session from its process and from git's files."""

import hashlib
import json
import os

from assigner.queue import events, sessions
from assigner.store.database import Store
from assigner.store.rows import Context, LiveAttempt, Session
from assigner.system import git, processes


def sync(store: Store) -> list[Session]:
    """Update directory, branch and variables of every live session; returns the changed rows.

    Uses the shell's own directory, not that of a program that it runs.  Records an event if a
    session is on another branch or in another directory than its running prompt asked for.
    """
    places: dict[str, git.Place | None] = {}
    found: list[Session] = []
    for session in store.rows("sessions/list"):
        if session["status"] == "offline" or not processes.is_session_leader(session["pane_pid"]):
            continue
        directory = processes.directory(session["pane_pid"])
        if directory is not None and directory not in places:
            places[directory] = git.place(directory)
        place = places[directory] if directory else None
        now: Session = {
            **session,
            "current_dir": directory,
            "repository": place.tree if place else None,
            "git_branch": place.branch if place else None,
        }
        if _hash(now) != session["context_hash"]:
            found.append(now)
    mismatches = _mismatches(store, places)
    if found or mismatches:
        with store.transaction():
            for session in found:
                note(store, session)
            for attempt, data in mismatches:
                _report(store, attempt, data)
    return found


def note(store: Store, session: Session, env_vars: str | None = None) -> None:
    """Write the context of a row of `sessions` to the database; variables only if given."""
    session["context_hash"] = _hash(session)
    sessions.set_context(store, session, env_vars)


def _hash(session: Context) -> str:
    """Sixteen hex digits that change with directory, branch or variables."""
    context = [session["current_dir"], session["git_branch"], json.loads(session["env_vars"])]
    text = json.dumps(context, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _mismatches(
    store: Store, places: dict[str, git.Place | None]
) -> list[tuple[LiveAttempt, dict[str, str | None]]]:
    """Running prompts whose session is not in the context they asked for."""
    found: list[tuple[LiveAttempt, dict[str, str | None]]] = []
    for attempt in store.rows("attempts/live"):
        if attempt["status"] != "in_progress" or attempt["worktree"]:
            continue  # the prompt works in its separate tree, but its shell need not
        wanted, branch = attempt["working_dir"], attempt["git_branch"]
        directory = processes.directory(attempt["pane_pid"])
        if directory is None:
            continue
        if wanted and os.path.realpath(wanted) != directory:
            found.append((attempt, {"expected": wanted, "found": directory}))
            continue
        if branch:
            if directory not in places:
                places[directory] = git.place(directory)
            place = places[directory]
            if place and place.branch != branch:
                found.append((attempt, {"expected": branch, "found": place.branch}))
    return found


def _report(store: Store, attempt: LiveAttempt, data: dict[str, str | None]) -> None:
    """Record one event per attempt, however many passes see it."""
    if not store.one("task_events/exists", attempt_id=attempt["id"], type="context.mismatch"):
        events.record(
            store, "context.mismatch", data,
            prompt=attempt["prompt_id"], attempt=attempt["id"], session=attempt["session"],
        )  # fmt: skip

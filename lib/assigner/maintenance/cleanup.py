"""cleanup-stale: find leftovers, and clean them up on request."""

import contextlib
import os
import shutil
from pathlib import Path

from assigner import clock, states
from assigner.context import worktrees
from assigner.maintenance import retention
from assigner.queue import attempts, leases, pauses, prompts, sessions
from assigner.store import database, state_dir
from assigner.store.database import Row, Store
from assigner.store.rows import Session

DAY = 86400.0
# Offline sessions and unused working trees are removed after this time
SESSION_DAYS = 7
WORKTREE_DAYS = 7
_ALL = 1 << 62


def clean(
    store: Store, *, apply: bool, retry_failed: bool = False, retarget: bool = False
) -> list[Row]:
    """Findings, each with the action taken or proposed (`action`, empty if none)."""
    return [
        *_sessions(store, apply),
        *_claims(store, apply),
        *_holds(store, apply, retarget),
        *_failed(store, apply, retry_failed),
        *left_over(store, apply),
        *_worktrees(store, apply),
        *retention.forget(store, apply=apply),
    ]


def verify(store: Store) -> list[Row]:
    """Problems of the database: SQLite's own check and broken references."""
    return [_finding("database", "", problem, "") for problem in database.check(store)]


def due(store: Store, every: float = 3600.0) -> bool:
    """Whether the last clean-up is so old that `tick` runs the next."""
    last = store.one("heartbeats/last", script="cleanup-stale")
    return last is None or clock.since(last["finished_at"], clock.now()) > every


def _sessions(store: Store, apply: bool) -> list[Row]:
    found = []
    before, now = retention.days_ago(SESSION_DAYS), clock.now()
    stale = {row["name"] for row in store.rows("sessions/stale", before=before)}
    for row in store.rows("sessions/list"):
        if row["status"] != "offline":
            detail = f"{row['status']}: {row['status_reason']}"
            found.append(_finding("live", row["name"], detail, ""))
            continue
        detail = f"offline for {clock.ago(row['updated_at'], now)}: {row['status_reason']}"
        given_up = row["given_up_reason"] and row["updated_at"] < before
        if row["name"] in stale:
            action = "delete"
        elif row["enrolled"] and given_up and not row["current_task_id"]:
            action = "unenroll"  # its history stays
        else:
            action, detail = "", f"{detail}; stays: {_why_it_stays(store, row)}"
        found.append(_finding("session", row["name"], detail, action))
        if apply and action:
            with store.transaction():
                if action == "delete":
                    sessions.forget(store, row)
                else:
                    sessions.leave(store, row)
                    prompts.look_again(store)
    return found


def _why_it_stays(store: Store, session: Session) -> str:
    if session["enrolled"]:
        return session["given_up_reason"] or "it is enrolled"
    if session["paused"]:
        return "it is paused"
    if store.one("attempts/any_in_session", session=session["name"]):
        return "prompts ran in it"
    return f"until it has been offline for {SESSION_DAYS} days"


def _claims(store: Store, apply: bool) -> list[Row]:
    """Claims of sessions that are gone, as scan would find them, and leases without attempts."""
    found = []
    for attempt in store.rows("attempts/live"):
        if attempt["session_status"] == "offline" and attempt["stage"] in states.UNTYPED:
            detail = f"attempt {attempt['id']} of prompt {attempt['prompt_id']}"
            found.append(_finding("claim", attempt["session"], detail, "release"))
            if apply:
                with store.transaction():
                    attempts.finish(store, attempts.Verdict(attempt, "released"))
    for lease in store.rows("tree_leases/list"):
        if lease["prompt_id"] is None:
            found.append(_finding("lease", lease["tree"], "no prompt runs there", "release"))
            if apply:
                with store.transaction():
                    leases.release(store, lease["id"])
    return found


def _holds(store: Store, apply: bool, retarget: bool) -> list[Row]:
    """Prompts that wait for a missing session, or for something that has come back."""
    found = []
    trees = {lease["tree"] for lease in store.rows("tree_leases/list")}
    there = {"tree in use": trees, "pause": pauses.held_ons(store)}
    for row in store.rows("prompts/held_groups"):
        held_by, held_on, prompts_held = row["held_by"], row["held_on"], row["prompts"]
        detail = f"{prompts_held} prompt{'s' * (prompts_held != 1)} held: {held_by}"
        if held_by == "target missing" and not prompts.session_is_there(store, held_on):
            session = store.one("sessions/get", name=held_on)
            provider = session["provider"] if session else None
            action = f"let any session of {provider} take them" if retarget and provider else ""
            if retarget and not provider:
                detail += "; its provider is unknown: use reassign"
            found.append(_finding("target", held_on, detail, action))
            if apply and action:
                with store.transaction():
                    prompts.free_from_target(store, held_on, str(provider))
        elif held_by == "target missing" or held_on not in there[held_by]:
            found.append(_finding("hold", held_on, detail, "release"))
            if apply:
                with store.transaction():
                    if held_by == "tree in use":
                        prompts.release_tree(store, held_on)
                    else:
                        prompts.look_again(store)
    return found


def _failed(store: Store, apply: bool, retry: bool) -> list[Row]:
    """Failed prompts, also those due for a retry; a person must retry one that may have run."""
    found = []
    for row in store.rows("prompts/failed", limit=_ALL):
        below = row["attempts"] < row["max_attempts"] and not row["may_have_run"]
        action = "queue it again" if retry and below else ""
        aimed = f"aimed at {row['target_session'] or 'any'}, ran in {row['assigned_session']}"
        found.append(_finding("failed", f"prompt {row['id']}", f"{aimed}: {row['error']}", action))
        if apply and action:
            with store.transaction():
                prompts.requeue(store, row["id"], reset_attempts=False)
    return found


def left_over(store: Store, apply: bool) -> list[Row]:
    """Files of ended attempts, old reports, and secrets that no prompt needs any longer."""
    settings, old = store.settings, clock.now() - store.settings.keep_reports_days * DAY
    runs = list(
        settings.run.iterdir()
    )  # listed first, so that it has no file of an attempt newer than `living`
    living = [*store.rows("attempts/live"), *store.rows("attempts/on_other_hosts")]
    live = {str(row["id"]) for row in living}
    used = {row["secrets"] for row in store.rows("prompts/used_secrets")}
    doomed = [("run", path) for path in runs if path.name.partition(".")[0] not in live]
    doomed += [  # no pass has read the reports of a live attempt yet
        ("spool", path)
        for path in settings.spool.iterdir()
        if path.name.partition(".")[0] not in live and _older(path, old)
    ]
    doomed += [
        ("secret", path)
        for path in settings.secrets.iterdir()
        if path.name not in used and _older(path, clock.now() - 3600)
    ]
    doomed += [  # from a start that failed
        ("start", path) for path in settings.starts.glob("*") if _older(path, clock.now() - 3600)
    ]
    found = []
    for kind, path in doomed[: retention.FILES]:
        found.append(_finding(kind, path.name, "left over", "remove"))
        if apply and kind != "secret":
            _remove(path)
    if apply:
        with (
            store.transaction()
        ):  # in a transaction, so that `send --parent` cannot start sharing one
            used = {row["secrets"] for row in store.rows("prompts/used_secrets")}
            for kind, path in doomed[: retention.FILES]:
                if kind == "secret" and path.name not in used:
                    _remove(path)
    return found


def _worktrees(store: Store, apply: bool) -> list[Row]:
    """Unused working trees of prompts; git keeps those with changes."""
    found = []
    for tree in worktrees.unwanted(store, clock.now() - WORKTREE_DAYS * DAY):
        problem = worktrees.why_kept(tree)
        if problem is None and apply:
            problem = worktrees.remove(tree)
        name = os.path.relpath(tree, state_dir.root(store.settings))
        detail = f"not used for {WORKTREE_DAYS} days" + (f", kept: {problem}" if problem else "")
        found.append(_finding("worktree", name, detail, "" if problem else "remove"))
    return found


def _older(path: Path, moment: float) -> bool:
    with contextlib.suppress(OSError):
        return path.lstat().st_mtime < moment
    return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _finding(kind: str, subject: str, detail: str, action: str) -> Row:
    return {"kind": kind, "subject": subject, "detail": detail, "action": action}

"""foundation-check: sessions that have a profile, and nothing to do, are given their next task.

The goals and the queue are two databases, which share no transaction.  So a task becomes a prompt
in the queue first, together with a row that says of which task it is; only then the goals are
told, and told again until they know; and what became of it reaches the goals before the queue
forgets that they are to be told.  Killed anywhere, the next pass goes on; a task whose prompt is
not settled is never given out, and the prompt's key lets no try of a task be queued twice.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from assigner import (
    agents,
    attempts,
    backoff,
    clock,
    db,
    drafting,
    goalfiles,
    prompts,
    providers,
    worklog,
)
from assigner.db import Row, Store
from assigner.drafting import Draft
from assigner.errors import AssignerError, UsageError
from assigner.goalfiles import Goals
from assigner.profiles import GENERAL, Profile

HOUR = 3600.0
_ENDED = ("completed", "failed", "cancelled")
_LAST = 2**31 - 1
_MOST_REFUSED = 20  # tasks that a session is offered in vain in one pass


class Pass:
    """One check: what it did, what went wrong, and the goals, opened once they are needed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rows: list[Row] = []
        self.problems: list[str] = []
        self.sessions = {row["name"]: row for row in store.rows("sessions")}
        self.paused = {row["provider"] for row in store.rows("pauses")}
        self._goals: Goals | None = None
        self._failed = False
        self._projects: list[str] | None = None

    def goals(self) -> Goals | None:
        """The goals; None where there are none, or they have failed in this pass."""
        settings = self.store.settings
        if self._goals is None and not self._failed:
            if settings.given_goals is None and not settings.goals.exists():
                return None
            try:
                dry = self.store.dry
                self._goals = goalfiles.connect(settings, self.store.actor, dry=dry, create=False)
            except sqlite3.Error as error:
                self.fail(db.failure(settings.goals, error))
            except AssignerError as error:
                self.fail(error)
        return self._goals

    def goals_failed(self) -> bool:
        return self._failed

    def fail(self, error: AssignerError) -> None:
        """The goals cannot be used: said once, and no more is tried in this pass."""
        self.problems.append(str(error))
        self._failed = True
        self.close()

    def close(self) -> None:
        if self._goals:
            self._goals.close()
        self._goals = None

    def projects(self, goals: Goals) -> list[str]:
        """The projects that have pending tasks."""
        if self._projects is None:
            with goals.guarded() as store:
                self._projects = [row["project"] for row in store.rows("goals/pending_projects")]
        return self._projects

    def tell(self, work: Row, outcome: str, reason: str) -> None:
        self.rows.append(
            {
                "session": work["session"],
                "outcome": outcome,
                "kind": work["kind"],
                "task": work["task"],
                "prompt": work["prompt_id"],
                "reason": reason,
            }
        )


def check(
    store: Store, profiles: Sequence[Profile], *, due_only: bool = False
) -> tuple[list[Row], list[str]]:
    """One check of these profiles; what was given or came to its end, and what went wrong.

    With `due_only` a profile is left alone that was checked less than its interval ago.
    """
    known = {row["session"]: row for row in store.rows("foundation_rows")}
    due = [p for p in profiles if not due_only or _is_due(p, known.get(p.session))]
    this = Pass(store)
    try:
        for work in store.rows("foundation_open"):
            _settle(this, work)
        waiting = {profile.session: _hindrance(this, profile) for profile in due}
        with store.transaction():
            for profile in due:
                _see(this, profile, known.get(profile.session), waiting[profile.session])
        for profile in due:
            if waiting[profile.session] is None:
                _give_next(this, profile)
    finally:
        this.close()
    touched = {row["session"] for row in this.rows} | {p.session for p in due}
    if not store.dry:
        worklog.publish(store, [p for p in profiles if p.session in touched])
    return this.rows, this.problems


def assign(store: Store, profile: Profile, text: str, priority: int, category: str | None) -> int:
    """Queue what a person wants a profile's session to do; its prompt.  UsageError."""
    draft = _draft(store, profile, text, priority)
    draft.tags = [category] if category is not None else []
    drafting.check(draft, store.settings, providers.names())
    _make_data_dir(store, profile)
    with store.transaction():
        (prompt,) = prompts.queue(store, [draft])
        _remember(store, profile, "given", prompt, text.strip().splitlines()[0])
    if not store.dry:
        worklog.publish(store, [profile])
    return prompt


def waits_for(store: Store, profile: Profile) -> str | None:
    """Why a profile's session is given nothing now; None if it would be."""
    return _hindrance(Pass(store), profile)


def _is_due(profile: Profile, known: Row | None) -> bool:
    if known is None or known["checked_at"] is None:
        return True
    return clock.since(known["checked_at"], clock.now()) >= profile.every


def _see(this: Pass, profile: Profile, known: Row | None, hindrance: str | None) -> None:
    """Write down whether the session is there and idle."""
    session = this.sessions.get(profile.session)
    pane, start, count = None, None, 0
    if known:
        pane, start, count = known["pane"], known["session_start"], known["idle_count"]
    if session is None or session["status"] == "offline":
        pane = None
    elif session["status"] != "unknown":
        there = f"{session['server_pid']} {session['server_start']} {session['pane_id']}"
        if pane != there:
            pane, start = there, clock.text(clock.now())
    idle = session is not None and session["status"] == "idle" and hindrance != _HAS_WORK
    this.store.run(
        "see_foundation",
        session=profile.session, pane=pane, session_start=start,
        idle_count=count + 1 if idle else 0,
    )  # fmt: skip


_HAS_WORK = "it has work"


def _hindrance(this: Pass, profile: Profile) -> str | None:
    """Why the session is given nothing now."""
    store, session, now = this.store, this.sessions.get(profile.session), clock.now()
    if session is None or session["status"] == "offline":
        return "it does not run"
    if not session["enrolled"]:
        return f"it is not enrolled: assigner enroll {profile.session}"
    if session["status"] != "idle":
        return f"it is {session['status']}"
    if _has_work(store, profile.session):
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
        row = store.one("foundation_given", session=profile.session, since=since)
        if row and row["given"] >= profile.tasks_per_hour:
            return f"it was given {row['given']} tasks in the last hour"
    return None


def _has_work(store: Store, session: str) -> bool:
    """Whether a prompt is open that is for this session alone."""
    return bool(store.one("has_work", session=session))


# --- what came of it ------------------------------------------------------------------------------


def _settle(this: Pass, work: Row) -> None:
    """Have the goals know what became of a prompt, then count it."""
    status = work["status"] or work["outcome"] or "failed"
    ended = status in _ENDED and not work["prompt_retry_at"]
    retry_at = None
    reason = work["error"] or ("" if work["status"] or work["outcome"] else "its prompt is gone")
    if work["kind"] == "goal":
        if not ended and work["told"] == "in_progress":
            return
        goals = this.goals()
        if goals is None or goals.key != work["goals"]:
            return
        if ended and status == "failed" and _is_tried_again(work):
            settings = this.store.settings
            pause = backoff.delay(
                work["number"], base=settings.backoff_base, limit=settings.backoff_limit
            )
            retry_at = clock.text(clock.now() + pause)
        try:
            _tell_taken(this, goals, work)
            if ended:
                new = "pending" if retry_at else status
                goals.settle(
                    work["task"], work["prompt_id"], new, error=reason or None, at=retry_at
                )
        except goalfiles.Refused as error:
            this.problems.append(f"task {work['task']}: {error}")
        except AssignerError as error:
            this.fail(error)
            return
    if ended:
        _count(this, work, status, reason, retry_at)


def _tell_taken(this: Pass, goals: Goals, work: Row) -> None:
    """The goals learn that the task is a prompt; the queue, that they know."""
    if work["told"] == "in_progress":
        return
    try:
        goals.take(work["task"], work["prompt_id"], again=work["told"] == "again")
    except goalfiles.Refused as error:
        this.problems.append(f"task {work['task']}: {error}")
    this.store.run("foundation_told", prompt=work["prompt_id"])


def _is_tried_again(work: Row) -> bool:
    retried = work["failure_class"] in attempts.RETRIED or (
        bool(work["idempotent"]) and work["failure_class"] in attempts.RETRIED_IF_IDEMPOTENT
    )
    return retried and work["tries_left"] > 0


def _count(this: Pass, work: Row, status: str, reason: str, retry_at: str | None) -> None:
    """Settle it in the queue, once."""
    store, session, number = this.store, work["session"], worklog.task_number(work)
    counts = work["kind"] != "general"
    words = {
        "completed": f"Completed task: {work['title']}",
        "failed": f"Failed task {number}: {reason}",
        "cancelled": f"Cancelled task {number}: {work['title']}",
    }
    general = f"{status.capitalize()} general work ({work['prompt_id']})"
    with store.transaction():
        # in our own goals the task says itself when it is to be tried again
        kept = retry_at if work["foreign_task"] else None
        if not store.run("foundation_settle", prompt=work["prompt_id"], retry_at=kept):
            return
        store.run(
            "count_foundation",
            session=session, begun=0,
            completed=int(counts and status == "completed"),
            failed=int(counts and status == "failed"),
        )  # fmt: skip
        worklog.note(store, session, words[status] if counts else general)
    told = f"tried again at {retry_at}: {reason}" if retry_at else reason
    this.tell(work, status, told)


# --- what is next ---------------------------------------------------------------------------------


def _give_next(this: Pass, profile: Profile) -> None:
    """The next goal task, else the general work prompt."""
    goals = this.goals()
    try:
        if goals and _give_task(this, goals, profile):
            return
    except AssignerError as error:
        this.fail(error)
    if not this.goals_failed():
        _give_general(this, profile)


def _give_task(this: Pass, goals: Goals, profile: Profile) -> bool:
    """Queue the most urgent task that is for this session; whether there was one.

    A task that can be no prompt is refused, and the next one looked at.
    """
    refused: set[str] = set()
    while len(refused) < _MOST_REFUSED and (task := _best(this, goals, profile, refused)):
        id = str(task["id"])
        try:
            work = _queue_task(this, goals, profile, task)
        except UsageError as error:
            this.problems.append(f"task {id}: {error}")
            refused.add(id)
            try:
                goals.refuse(id, str(error))
            except goalfiles.Refused as rule:
                this.problems.append(f"task {id}: {rule}")
            continue
        this.tell(work, "assigned", work["title"])
        _tell_taken(this, goals, work)
        return True
    return False


def _best(this: Pass, goals: Goals, profile: Profile, refused: set[str]) -> Row | None:
    """Of the tasks for this session the one with the highest priority, the oldest of these."""
    store, provider = this.store, this.sessions[profile.session]["provider"]
    kept = refused | {row["task"] for row in store.rows("foundation_kept", goals=goals.key)}
    # of our own, what is kept is no longer pending
    limit = 1 + (len(kept) if goals.is_foreign else 0)
    found = []
    for project in this.projects(goals):
        if profile.matches(str(project)):
            with goals.guarded() as tasks:
                rows = tasks.rows(
                    "goals/next_tasks",
                    project=project, session=profile.session, provider=provider, limit=limit,
                )  # fmt: skip
            found += [row for row in rows if str(row["id"]) not in kept]
    found.sort(key=lambda row: str(row["created_at"]))
    return max(found, key=lambda row: _priority(row["priority"]), default=None)


def _queue_task(this: Pass, goals: Goals, profile: Profile, task: Row) -> Row:
    """The task becomes a prompt; what the queue remembers of it.  UsageError."""
    store, id = this.store, str(task["id"])
    content = task["content"]
    draft = _draft(
        store, profile, "" if content is None else str(content), _priority(task["priority"])
    )
    draft.working_dir = task["working_dir"] or profile.working_dir
    draft.git_branch, draft.worktree = task["git_branch"], bool(task["worktree"])
    draft.env_vars = {**json.loads(task["env_vars"]), **draft.env_vars}
    draft.prerequisites, draft.tags = json.loads(task["prerequisites"]), json.loads(task["tags"])
    draft.metadata = {
        **json.loads(task["metadata"]),
        "goal_task": task["id"],
        "project": str(task["project"]),
    }
    draft.timeout_seconds, draft.idempotent = task["timeout_seconds"], bool(task["idempotent"])
    row = store.one("foundation_number", goals=goals.key, task=id)
    assert row is not None
    number = row["number"]
    before = number - 1 if task["attempts"] is None else task["attempts"]
    draft.max_attempts = 1  # the task is tried again, not the prompt
    draft.dedup_key = f"goal:{goals.key}:{ascii(id)[1:-1]}:{number}"
    drafting.check(draft, store.settings, providers.names())
    _make_data_dir(store, profile)
    with store.transaction():
        (prompt,) = prompts.queue(store, [draft])
        return _remember(
            store, profile, "goal", prompt, goalfiles.title(task),
            goals=goals.key, task=id, number=number,
            tries_left=task["max_attempts"] - before - 1, foreign_task=int(goals.is_foreign),
        )  # fmt: skip


def _give_general(this: Pass, profile: Profile) -> None:
    """The general work prompt, where the profile has one."""
    store, session = this.store, this.sessions[profile.session]
    text = profile.general_prompt
    if text is None and agents.is_agent(session["provider"]):
        text = GENERAL  # to a shell it would be a script
    if not text:
        return
    draft = _draft(store, profile, text, 0)
    draft.max_attempts = 1
    try:
        drafting.check(draft, store.settings, providers.names())
    except UsageError as error:
        this.problems.append(f"profile '{profile.name}': general_prompt: {error}")
        return
    _make_data_dir(store, profile)
    with store.transaction():
        (prompt,) = prompts.queue(store, [draft])
        work = _remember(store, profile, "general", prompt, text.strip().splitlines()[0])
    this.tell(work, "assigned", "general work")


def _draft(store: Store, profile: Profile, text: str, priority: int) -> Draft:
    return Draft(
        text,
        priority=priority,
        target_session=profile.session,
        working_dir=profile.working_dir,
        env_vars=profile.variables(store.settings),
    )


def _remember(
    store: Store, profile: Profile, kind: str, prompt: int, title: str, **task: Any
) -> Row:
    """In the transaction that queues it: what was given, counted and logged."""
    work = {
        "prompt_id": prompt,
        "host": store.settings.host,
        "session": profile.session,
        "kind": kind,
        "title": title,
        "assigned_at": clock.text(clock.now()),
        **task,
    }
    store.insert("foundation_work", work)
    store.run("count_foundation", session=profile.session, begun=1, completed=0, failed=0)
    number = worklog.task_number({"task": None, **work})
    said = (
        f"Assigned general work ({prompt})"
        if kind == "general"
        else f"Assigned task {number}: {title}"
    )
    worklog.note(store, profile.session, said)
    return {"task": None, "told": None, **work}


def _make_data_dir(store: Store, profile: Profile) -> None:
    """The environment's own data directory, where the profile names none."""
    if profile.data_dir is None and not store.dry:
        worklog.directory(store.settings)
        path = profile.variables(store.settings)["FEATURE_DATA_DIR"]
        worklog.make_private(path)


def _priority(value: object) -> int:
    """A task's priority as a prompt can have it; what is no number is 0."""
    try:
        number = int(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return 0
    return max(-_LAST, min(_LAST, number))

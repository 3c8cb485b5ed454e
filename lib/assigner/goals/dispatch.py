"""foundation-check: give waiting sessions goal tasks, or else the general work prompt.

One transaction queues the tasks, another records them in the goals.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assigner import clock
from assigner.agents import detect, registry
from assigner.errors import AssignerError, UsageError
from assigner.goals import database, worklog
from assigner.goals.database import Goals
from assigner.goals.profiles import GENERAL, Profile
from assigner.goals.results import tell_taken
from assigner.goals.round import Round
from assigner.queue import drafts as queue_drafts
from assigner.queue import prompts
from assigner.queue.drafts import Draft
from assigner.store.database import Row, Store
from assigner.system import private_files

_LAST = 2**31 - 1
_MOST_REFUSED = 20  # unusable tasks that a session is offered in one round
Chosen = tuple[Profile, Row]


def give(this: Round, profiles: Sequence[Profile]) -> None:
    """Give each of these sessions its next goal task, or else the general work prompt."""
    if not profiles:
        return
    try:
        if goals := this.goals():
            profiles = _give_tasks(this, goals, profiles)
    except AssignerError as error:
        this.fail(error)
    if not this.has_failed:
        _give_general(this, profiles)


def assign(store: Store, profile: Profile, text: str, priority: int, category: str | None) -> int:
    """Queue a person's task for the session of a profile; its prompt.  UsageError."""
    draft = _draft(store, profile, text, priority)
    draft.tags = [category] if category is not None else []
    queue_drafts.check(draft, store.settings, registry.names())
    _make_data_dir(store, profile)
    with store.transaction():
        (prompt,) = prompts.queue(store, [draft])
        remember(store, profile, "given", prompt, text.strip().splitlines()[0])
    if not store.dry:
        worklog.publish(store, [profile])
    return prompt


def _give_tasks(this: Round, goals: Goals, profiles: Sequence[Profile]) -> Sequence[Profile]:
    """Queue the most urgent matching task of each session; returns the profiles without one.

    A task that cannot become a prompt is refused, and the next one tried.
    """
    refused: set[str] = set()
    for _ in range(_MOST_REFUSED):
        chosen = _choose(this, goals, profiles, refused)
        if not chosen:
            break
        given, wrong = _queue(this.store, goals, chosen)
        for work in given:
            this.tell(work, "queued", work["title"])
        tell_taken(this, goals, given)
        for id, error in wrong.items():
            _refuse(this, goals, id, error)
        served = {work["session"] for work in given}
        profiles = [profile for profile in profiles if profile.session not in served]
        if not wrong:
            break
        refused |= wrong.keys()
    return profiles


def _choose(
    this: Round, goals: Goals, profiles: Sequence[Profile], refused: set[str]
) -> list[Chosen]:
    """The next task of each session, no task twice."""
    with goals.guarded() as tasks:
        projects = [str(row["project"]) for row in tasks.rows("tasks/pending_projects")]
    open = {row["task"] for row in this.store.rows("profile_work/kept_tasks", goals=goals.key)}
    kept = refused | open
    chosen = []
    for profile in profiles:
        mine = [project for project in projects if profile.matches(project)]
        if task := _best(this, goals, profile.session, mine, kept):
            chosen.append((profile, task))
            kept.add(str(task["id"]))
    return chosen


def _best(
    this: Round, goals: Goals, session: str, projects: Sequence[str], kept: set[str]
) -> Row | None:
    """Of the tasks for this session the one with the highest priority, the oldest of these."""
    provider = this.sessions[session]["provider"]
    found: list[Row] = []
    with goals.guarded() as tasks:
        for project in projects:
            rows = tasks.rows(
                "tasks/next",
                project=project, session=session, provider=provider, limit=1 + len(kept),
            )  # fmt: skip
            found += [row for row in rows if str(row["id"]) not in kept][:1]
        found.sort(key=lambda row: str(row["created_at"]))
        best = max(found, key=lambda row: _priority(row["priority"]), default=None)
        return best and tasks.one("tasks/to_give", id=best["id"])


def _queue(
    store: Store, goals: Goals, chosen: Sequence[Chosen]
) -> tuple[list[Row], dict[str, str]]:
    """Queue the tasks as prompts; returns their records, and by task why others are refused."""
    given, wrong = [], {}
    for profile, _ in chosen:
        _make_data_dir(store, profile)
    with store.transaction():
        for profile, task in chosen:
            try:
                given.append(_queue_task(store, goals, profile, task))
            except UsageError as error:
                wrong[str(task["id"])] = str(error)
    return given, wrong


def _queue_task(store: Store, goals: Goals, profile: Profile, task: Row) -> Row:
    """In a transaction: queue the task as a prompt.  After a UsageError nothing has changed."""
    id, content = str(task["id"]), task["content"]
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
    draft.check_command = task["check_command"]
    draft.check_timeout_seconds = task["check_timeout_seconds"]
    draft.timeout_seconds = task["timeout_seconds"] or draft.timeout_seconds
    draft.idempotent = bool(task["idempotent"])
    row = store.one("profile_work/next_number", goals=goals.key, task=id)
    assert row is not None
    number = row["number"]
    before = number - 1 if task["attempts"] is None else task["attempts"]
    draft.max_attempts = 1  # the task is retried, not the prompt
    draft.dedup_key = f"goal:{goals.key}:{ascii(id)[1:-1]}:{number}"
    queue_drafts.check(draft, store.settings, registry.names())
    (prompt,) = prompts.queue(store, [draft])
    if row["feedback"]:
        prompts.give_feedback(store, prompt, row["feedback"])
    return remember(
        store, profile, "goal", prompt, database.title(task),
        goals=goals.key, task=id, number=number,
        tries_left=task["max_attempts"] - before - 1, foreign_task=int(goals.is_foreign),
    )  # fmt: skip


def _refuse(this: Round, goals: Goals, task: str, error: str) -> None:
    this.refused(task, error)
    try:
        goals.refuse(task, error)
    except database.Refused as rule:
        this.refused(task, rule)


def _give_general(this: Round, profiles: Sequence[Profile]) -> None:
    """The general work prompt, where the profile has one."""
    drafts = []
    for profile in profiles:
        text = profile.general_prompt
        if text is None and detect.is_agent(this.sessions[profile.session]["provider"]):
            text = GENERAL  # a shell would run it as a script
        if not text:
            continue
        draft = _draft(this.store, profile, text, 0)
        draft.max_attempts = 1
        try:
            queue_drafts.check(draft, this.store.settings, registry.names())
        except UsageError as error:
            this.problems.append(f"profile '{profile.name}': general_prompt: {error}")
            continue
        _make_data_dir(this.store, profile)
        drafts.append((profile, draft))
    if not drafts:
        return
    with this.store.transaction():
        works = [_queue_general(this.store, profile, draft) for profile, draft in drafts]
    for work in works:
        this.tell(work, "queued", "general work")


def _queue_general(store: Store, profile: Profile, draft: Draft) -> Row:
    (prompt,) = prompts.queue(store, [draft])
    return remember(store, profile, "general", prompt, draft.content.strip().splitlines()[0])


def _draft(store: Store, profile: Profile, text: str, priority: int) -> Draft:
    return Draft(
        text,
        priority=priority,
        target_session=profile.session,
        working_dir=profile.working_dir,
        env_vars=profile.variables(store.settings),
        timeout_seconds=profile.timeout or None,
    )


def remember(
    store: Store, profile: Profile, kind: str, prompt: int, title: str, **task: Any
) -> Row:
    """In the transaction that queues it: record, count and log what was given."""
    work = {
        "prompt_id": prompt,
        "host": store.settings.host,
        "session": profile.session,
        "kind": kind,
        "title": title,
        "assigned_at": clock.text(clock.now()),
        **task,
    }
    store.insert("profile_work", work)
    store.run("profiles/count", session=profile.session, begun=1, completed=0, failed=0)
    number = worklog.task_number({"task": None, **work})
    said = (
        f"Assigned general work ({prompt})"
        if kind == "general"
        else f"Assigned task {number}: {title}"
    )
    worklog.note(store, profile.session, said)
    return {"task": None, "reported": None, **work}


def _make_data_dir(store: Store, profile: Profile) -> None:
    """The environment's own data directory, where the profile names none."""
    if profile.data_dir is None and not store.dry:
        worklog.directory(store.settings)
        private_files.make_private(Path(profile.variables(store.settings)["FEATURE_DATA_DIR"]))


def _priority(value: object) -> int:
    """A task's priority as an integer that a prompt can have; 0 for anything but a number."""
    try:
        number = int(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return 0
    return max(-_LAST, min(_LAST, number))

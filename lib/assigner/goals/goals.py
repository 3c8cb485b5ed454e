"""Visions, goals and tasks, in a database of their own."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assigner import clock
from assigner.agents import registry
from assigner.config import Settings
from assigner.errors import UsageError
from assigner.goals.database import Goals
from assigner.queue import drafts
from assigner.queue.drafts import Draft
from assigner.store.database import Row, Store

PROJECT = "foundation"
TASK_STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")
STATUSES = ("active", "completed", "cancelled")
# The columns of a task that its prompt gets, with their types (messages name the first)
KINDS: Mapping[str, tuple[type, ...]] = {
    "content": (str,),
    "project": (str,),
    "priority": (int,),
    "target_session": (str, type(None)),
    "target_provider": (str, type(None)),
    "working_dir": (str, type(None)),
    "git_branch": (str, type(None)),
    "worktree": (bool,),
    "env_vars": (dict,),
    "prerequisites": (list,),
    "metadata": (dict,),
    "tags": (list,),
    "timeout_seconds": (float, int, type(None)),
    "idempotent": (bool,),
    "max_attempts": (int,),
    "check_command": (str, type(None)),
    "check_timeout_seconds": (float, int, type(None)),
    "dedup_key": (str, type(None)),
}
_KIND_NAMES: dict[type, str] = {
    str: "a string", int: "a whole number", float: "a number", bool: "true or false",
    list: "an array", dict: "an object",
}  # fmt: skip
_REFERENCE = re.compile(r"([gv]?)(\d{1,18})\Z")
_TABLES = {"": "tasks", "g": "goals", "v": "visions"}
_WHAT = {"tasks": "task", "goals": "goal", "visions": "vision"}


@dataclass(frozen=True)
class Reference:
    """What `7`, a task, `g7`, a goal, or `v7`, a vision, refers to."""

    table: str
    id: int

    @property
    def what(self) -> str:
        return f"{_WHAT[self.table]} {self.id}"


def reference(text: str) -> Reference:
    """Parse a reference.  UsageError."""
    if not (match := _REFERENCE.match(text)):
        raise UsageError(f"not an id: '{text}' (7 is a task, g7 a goal, v7 a vision)")
    return Reference(_TABLES[match[1]], int(match[2]))


def add_vision(store: Store, text: str) -> Row:
    """The new vision.  UsageError for a bad text."""
    _check(store.settings, text, None, 0)
    return _added(store, "visions", {"content": text, "status": "active"})


def add_goal(store: Store, text: str, *, vision: int | None, project: str, priority: int) -> Row:
    """The new goal.  UsageError, also for a missing or closed vision."""
    _check(store.settings, text, project, priority)
    if vision is not None:
        _active(store, Reference("visions", vision))
    row = {"vision_id": vision, "content": text, "status": "active", "project": project}
    return _added(store, "goals", {**row, "priority": priority})


def add_task(store: Store, task: Mapping[str, Any], *, goal: int | None, after: int | None) -> Row:
    """The new task, or the existing one with its key.

    Project and priority default to those of its goal.  UsageError.
    """
    above = _active(store, Reference("goals", goal)) if goal is not None else {}
    if after is not None:
        found(store, Reference("tasks", after))
    values = {
        "project": above.get("project", PROJECT),
        "priority": above.get("priority", 0),
        **{key: value for key, value in task.items() if value is not None},
    }
    check_task(store.settings, values)
    key = values.get("dedup_key")
    if key is not None and (known := where(store, "tasks", "dedup_key = ?", [key])):
        return found(store, Reference("tasks", known[0]["id"]))
    plain = {
        key: json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict | list)
        else int(value)
        if isinstance(value, bool)
        else value
        for key, value in values.items()
    }
    return _added(store, "tasks", {"goal_id": goal, "after_id": after, **plain})


def check_task(settings: Settings, task: Mapping[str, Any]) -> None:
    """Refuse a task that could not become a prompt.  UsageError that names the key."""
    if unknown := sorted(task.keys() - KINDS.keys()):
        raise UsageError(f"unknown key '{unknown[0]}' (known: {', '.join(KINDS)})")
    if "content" not in task:
        raise UsageError("content is missing")
    for key, value in task.items():
        if type(value) not in KINDS[key]:
            kind = _KIND_NAMES[KINDS[key][0]]
            raise UsageError(f"{key} must be {kind}: {json.dumps(value)[:60]}")
    if "project" in task:
        _check_project(task["project"])
    draft = Draft(**{key: _copied(value) for key, value in task.items() if key != "project"})
    drafts.check(draft, settings, registry.names())


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list) else value


def found(store: Store, what: Reference) -> Row:
    """The row that a reference names.  UsageError where there is none."""
    row = store.one(f"{what.table}/get", id=what.id)
    if row is None:
        raise UsageError(f"no {what.what}")
    return row


def where(store: Store, table: str, condition: str, values: Sequence[object]) -> list[Row]:
    """The rows of a table that satisfy the condition, by id."""
    with store.tables() as tables:
        return list(tables.table(table).rows_where(condition, values, order_by="id"))


def tasks_of(store: Store, goal: int) -> list[Row]:
    """The tasks of a goal."""
    return where(store, "tasks", "goal_id = ?", [goal])


def goals_of(store: Store, vision: int) -> list[Row]:
    """The goals of a vision."""
    return where(store, "goals", "vision_id = ?", [vision])


def close(goals: Goals, ids: list[Reference], status: str) -> tuple[list[Row], list[str]]:
    """Complete or cancel tasks, goals and visions, with all open goals and pending tasks below.

    Returns their rows, and warnings of prompts that go on.  UsageError for a missing row, or
    one with another end: nothing is changed then.
    """
    rows, warnings = [], []
    if goals.is_foreign:
        return [_close_foreign(goals, each, status) for each in ids], []
    store = goals.store
    with store.transaction():
        for each in dict.fromkeys(ids):
            row = found(store, each)
            if row["status"] not in ("pending", "in_progress", "failed", "active", status):
                raise UsageError(f"{each.what} is already {row['status']}")
            if each.table == "tasks" and row["status"] == "in_progress":
                warnings.append(
                    f"{each.what} still runs as prompt {row['prompt_id']}; to stop it:"
                    f" assigner cancel {row['prompt_id']}"
                )
            if row["status"] != status:
                _close(store, each, status)
            rows.append(_shown(each, found(store, each)))
    return rows, warnings


def retry(goals: Goals, ids: list[Reference]) -> list[Row]:
    """Set tasks to pending, with no attempts counted.  UsageError."""
    store, rows = goals.own(), []
    with store.transaction():
        for each in dict.fromkeys(ids):
            row = found(store, each)
            if each.table != "tasks":
                raise UsageError(f"{each.what} is not a task: only tasks can be retried")
            if row["status"] not in ("failed", "cancelled") and not row["not_before"]:
                raise UsageError(f"{each.what} is {row['status']}: nothing to retry")
            again = {"attempts": 0, "not_before": None, "error": None, "completed_at": None}
            _write(store, each, {"status": "pending", **again})
            rows.append(_shown(each, found(store, each)))
    return rows


def _close(store: Store, what: Reference, status: str) -> None:
    if what.table == "visions":
        for goal in goals_of(store, what.id):
            if goal["status"] == "active":
                _close(store, Reference("goals", goal["id"]), status)
    if what.table == "goals":
        for task in tasks_of(store, what.id):
            if task["status"] == "pending":
                _close(store, Reference("tasks", task["id"]), "cancelled")
    ended = {"completed_at": clock.text(clock.now()), "not_before": None}
    _write(store, what, {"status": status, **(ended if what.table == "tasks" else {})})


def _close_foreign(goals: Goals, what: Reference, status: str) -> Row:
    if what.table != "tasks":
        goals.own()
    if not goals.set_status(str(what.id), status, ("pending", "in_progress", "failed")):
        raise UsageError(f"no open {what.what}")
    return {"kind": "task", "id": what.id, "status": status}


def _shown(what: Reference, row: Row) -> Row:
    return {"kind": _WHAT[what.table], **{key: row[key] for key in ("id", "status", "content")}}


def _active(store: Store, what: Reference) -> Row:
    row = found(store, what)
    if row["status"] != "active":
        raise UsageError(f"{what.what} is {row['status']}")
    return row


def _added(store: Store, table: str, row: Row) -> Row:
    changed = _changed(store)
    with store.transaction(), store.tables() as tables:
        created = {**row, **changed, "created_at": changed["updated_at"]}
        id = int(str(tables.table(table).insert(created, pk="id").last_pk))
    return found(store, Reference(table, id))


def _write(store: Store, what: Reference, values: Row) -> None:
    """Set columns of one row, with the time and the writer."""
    with store.tables() as tables:
        tables.table(what.table).update(what.id, {**values, **_changed(store)})


def _changed(store: Store) -> Row:
    return {"updated_at": clock.text(clock.now()), "updated_by": store.actor}


def _check(settings: Settings, text: str, project: str | None, priority: int) -> None:
    drafts.check(Draft(text, priority=priority), settings, ())
    if project is not None:
        _check_project(project)


def _check_project(project: str) -> None:
    drafts.check_name("project", project)

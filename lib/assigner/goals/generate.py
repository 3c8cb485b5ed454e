"""goals generate: from goals to tasks, by a template or a command.

A command gets the goal as JSON on standard input and prints one JSON task a line.  Its time
and output are limited; one bad line has all of its output for this goal refused.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assigner.errors import AssignerError, SetupError, UsageError
from assigner.goals import goals
from assigner.goals.goals import Reference
from assigner.store.database import Row, Store
from assigner.system import programs, terminal_text, user_config

DEFAULT = "direct"
MOST_OUTPUT, MOST_TASKS = 1_000_000, 200
_BUILT_IN = Path(__file__).with_name("templates")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
_TEMPLATE_KEYS = {"key": str, "after": str}
Task = dict[str, Any]


def chosen(store: Store, ids: Sequence[int]) -> list[Row]:
    """The active goals of these ids, or all.  UsageError for a missing or closed one."""
    rows = []
    for id in dict.fromkeys(ids):
        row = goals.found(store, Reference("goals", id))
        if row["status"] != "active":
            raise UsageError(f"goal {id} is {row['status']}")
        rows.append(row)
    return rows or ([] if ids else store.rows("goals/active"))


def templates() -> dict[str, Path]:
    """The file of each template, by name; a person's own take precedence."""
    return {path.stem: path for path in (*sorted(_BUILT_IN.glob("*.toml")), *_own())}


def by_template(store: Store, name: str, goal: Row) -> list[Task]:
    """The tasks that a template makes of a goal.  UsageError, SetupError."""
    found = templates()
    if name not in found:
        raise UsageError(f"unknown template '{name}' (known: {', '.join(sorted(found))})")
    return [_filled(task, name, goal) for task in _tasks(store, found[name])]


def by_command(store: Store, command: str, goal: Row, seconds: float) -> list[Task]:
    """The tasks that a command makes of a goal.  AssignerError that names its fault."""
    given = {key: goal[key] for key in ("id", "content", "project", "priority", "vision")}
    given["tasks"] = [
        {key: task[key] for key in ("id", "content", "status")}
        for task in goals.tasks_of(store, goal["id"])
    ]
    text = json.dumps(given, ensure_ascii=False).encode() + b"\n"
    out = programs.bounded(["/bin/sh", "-c", command], text, seconds=seconds, most=MOST_OUTPUT)
    try:
        lines = out.decode().splitlines()
    except UnicodeDecodeError:
        raise AssignerError("its output is not valid UTF-8") from None
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(_task_in(store, line))
            except UsageError as error:
                raise AssignerError(f"line {number} of its output: {error}") from None
    if len(found) > MOST_TASKS:
        raise AssignerError(f"it printed {len(found)} tasks, the limit is {MOST_TASKS}")
    return found


def add(store: Store, goal: Row, tasks: Sequence[Task]) -> tuple[list[Row], int]:
    """Add, in one transaction, the tasks that the goal lacks; returns them, and how many it had.

    Tasks with the same words are the same, unless they have different keys.
    """
    rows: list[Row] = []
    ids: dict[str, int] = {}  # by a template's own keys
    with store.transaction():
        had = goals.tasks_of(store, goal["id"])
        words = {_words(task["content"]) for task in had if not task["dedup_key"]}
        before = {task["id"] for task in had}
        for task in tasks:
            own, after = task.pop("key", None), task.pop("after", None)
            if own is None and _words(task["content"]) in words:
                continue
            key = task.get("dedup_key") or own or _words(task["content"])
            task["dedup_key"] = f"goal {goal['id']}: {key}"
            row = goals.add_task(store, task, goal=goal["id"], after=ids.get(after or ""))
            if own is not None:
                ids[own.rpartition(":")[2]] = row["id"]
            if row["id"] not in before:
                before.add(row["id"])
                rows.append(row)
    return rows, len(tasks) - len(rows)


def _task_in(store: Store, line: str) -> Task:
    try:
        task = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not JSON, '{terminal_text.visible(line[:60])}': {error}") from None
    if not isinstance(task, dict):
        raise UsageError("not a JSON object")
    goals.check_task(store.settings, task)
    return task


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def _words(text: str) -> str:
    """A short hash of the words of a text."""
    return hashlib.sha256(" ".join(text.split()).casefold().encode()).hexdigest()[:16]


def _filled(task: Mapping[str, Any], template: str, goal: Row) -> Task:
    """A template's task for this goal: `{goal}` and the like are replaced in all its texts."""
    words = {
        "{goal}": goal["content"],
        "{vision}": goal["vision"] or "",
        "{project}": goal["project"],
        "{id}": str(goal["id"]),
    }

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return _PLACES.sub(lambda place: words[place[0]], value)
        if isinstance(value, list):
            return [fill(item) for item in value]
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        return value

    filled = {key: fill(value) for key, value in task.items() if key not in _TEMPLATE_KEYS}
    filled["priority"] = goal["priority"] + task.get("priority", 0)
    return {**filled, "key": f"{template}:{task['key']}", "after": task.get("after")}


_PLACES = re.compile(r"\{(?:goal|vision|project|id)\}")


def _own() -> list[Path]:
    """A person's own templates."""
    found = user_config.own_tables("templates")
    for path in found:
        if not _NAME.match(path.stem):
            raise SetupError(
                f"'{path}': '{path.stem}' is not a name for a template: use a-z, 0-9, - and _"
            )
    return found


def _tasks(store: Store, path: Path) -> list[Task]:
    """The tasks of a template's file.  SetupError that names file, task and key."""
    text = user_config.trusted_text(path, built_in=path.parent == _BUILT_IN) or ""
    table = user_config.table(path, text)
    if unknown := sorted(table.keys() - {"about", "tasks"}):
        raise SetupError(f"'{path}': unknown key '{unknown[0]}' (known: about, tasks)")
    tasks = table.get("tasks")
    if not tasks or not isinstance(tasks, list):
        raise SetupError(f"'{path}': [[tasks]] is missing")
    keys: list[str] = []
    for number, task in enumerate(tasks, 1):
        if problem := _problem(store, task, keys):
            raise SetupError(f"'{path}': task {number}: {problem}")
        keys.append(task["key"])
    return tasks


def _problem(store: Store, task: object, keys: Sequence[str]) -> str | None:
    """What is wrong with a template's task; `keys` are those before it."""
    if not isinstance(task, dict):
        return "it is not a table"
    if "dedup_key" in task:
        return "unknown key 'dedup_key': use key"
    for key, kind in _TEMPLATE_KEYS.items():
        if not isinstance(task.get(key, ""), kind):
            return f"{key} must be a string: {task[key]!r}"
    if not task.get("key"):
        return "key is missing"
    if task["key"] in keys:
        return f"another task has the key '{task['key']}'"
    if (
        task.get("after", task["key"]) not in (*keys, task["key"])
        or task.get("after") == task["key"]
    ):
        return f"after names no earlier task: '{task['after']}'"
    plain = {key: value for key, value in task.items() if key not in _TEMPLATE_KEYS}
    try:
        goals.check_task(store.settings, plain)
    except UsageError as error:
        return str(error)
    return None

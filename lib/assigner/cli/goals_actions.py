"""goals: its options, and what each action does and prints."""

import argparse
import json
from collections.abc import Callable

from assigner.cli import output, runner, send_options, show
from assigner.errors import AssignerError, UsageError
from assigner.goals import generate, goals
from assigner.goals.database import Goals, title
from assigner.store.database import Row, Store

ACTIONS: dict[str, Callable[[Goals, runner.Arguments], None]]
COLUMNS = {
    "tasks": ("id", "goal_id", "status", "project", "priority", "attempts", "prompt_id", "content"),
    "goals": ("id", "vision_id", "status", "project", "priority", "tasks", "open", "content"),
    "visions": ("id", "status", "goals", "content"),
}
_FOREIGN = ("id", "status", "project", "priority", "created_at", "content")
_TASK = ("add-task",)
# The actions that take an option
OPTIONS = {
    "vision": ("add-goal",),
    "goal": ("add-task", "generate"),
    "project": ("add-goal", "add-task", "list"),
    "priority": ("add-goal", "add-task"),
    "template": ("generate",),
    "command": ("generate",),
    "timeout": ("add-task", "generate"),
    "status": ("list",),
    "limit": ("list",),
    "after": _TASK,
    "target_session": _TASK,
    "target_provider": _TASK,
    "working_dir": _TASK,
    "git_branch": _TASK,
    "worktree": _TASK,
    "env": _TASK,
    "prerequisites": _TASK,
    "metadata": _TASK,
    "tags": _TASK,
    "idempotent": _TASK,
    "max_attempts": _TASK,
    "dedup_key": _TASK,
    "check_command": _TASK,
    "check_timeout_seconds": _TASK,
}
# Options whose names differ from the columns of a task
_NAMES = {
    "target_session": "target", "target_provider": "provider", "working_dir": "workdir",
    "prerequisites": "prereq", "tags": "tag", "dedup_key": "key", "check_command": "check",
    "check_timeout_seconds": "check-timeout",
}  # fmt: skip
_PATIENCE = 300.0  # seconds for a command


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `goals`."""
    add = parser.add_argument
    add("--vision", type=runner.positive, metavar="N", help="add-goal: the vision that it serves")
    add(
        "--goal", type=runner.positive, action="append", metavar="N",
        help="add-task: the goal that it serves; generate: only from this goal (repeated)",
    )  # fmt: skip
    add(
        "--project", metavar="P",
        help="project, by which profiles choose tasks (default: the goal's, else foundation);"
        " list: only projects whose names contain P",
    )  # fmt: skip
    add(
        "--priority",
        type=runner.whole,
        metavar="N",
        help="higher priorities run first (default: the goal's, else 0)",
    )
    add("--template", metavar="T", help="generate: use this template (default direct)")
    add("--command", metavar="CMD", help="generate: create the tasks that CMD prints")
    add(
        "--timeout", type=runner.seconds, metavar="S",
        help="add-task: end its prompt after S seconds; generate: the command (default 300)",
    )  # fmt: skip
    add("--status", metavar="S", help="list: only this status")
    add("--limit", type=runner.limit, metavar="N", help="list: at most N (default 50; 0: all)")
    add("--after", type=runner.positive, metavar="N", help="wait until that task is completed")
    add("--target", dest="target_session", metavar="SESSION", help="only for this session")
    add("--provider", dest="target_provider", metavar="P", help="only in sessions of this provider")
    add(
        "--workdir", "--working_dir", dest="working_dir", type=runner.directory, metavar="DIR",
        help="directory to run in",
    )  # fmt: skip
    add("--git-branch", metavar="B", help="branch to run on")
    add("--worktree", action="store_true", default=None, help="run in its own working tree")
    add("--env", action="append", metavar="K=V", help="set a variable (repeated)")
    add(
        "--prereq", dest="prerequisites", action="append", metavar="CMD",
        help="run this first; if it fails, the task fails (repeated)",
    )  # fmt: skip
    add(
        "--check", dest="check_command", metavar="CMD",
        help="completed only if this passes, as for `send`",
    )  # fmt: skip
    add(
        "--check-timeout", dest="check_timeout_seconds", type=runner.seconds, metavar="S",
        help="fail the check after S seconds",
    )  # fmt: skip
    add("--metadata", metavar="JSON", help="a JSON object to keep with its prompt")
    add("--tag", dest="tags", action="append", metavar="T", help="a label (repeated)")
    add("--idempotent", action="store_true", default=None, help="safe to run twice")
    add("--max-attempts", type=runner.positive, metavar="N", help="try at most N times (default 3)")
    add(
        "--key",
        dest="dedup_key",
        metavar="K",
        help="add it only once; print the id of the task with this key",
    )


def named(option: str) -> str:
    """An option as people give it."""
    return f"--{_NAMES.get(option, option).replace('_', '-')}"


def given_options(args: argparse.Namespace) -> list[str]:
    return [option for option in OPTIONS if getattr(args, option) is not None]


def _add_vision(book: Goals, args: runner.Arguments) -> None:
    _print_new(goals.add_vision(book.own(), args.words[0]), args)


def _add_goal(book: Goals, args: runner.Arguments) -> None:
    project = goals.PROJECT if args.project is None else args.project
    row = goals.add_goal(
        book.own(), args.words[0],
        vision=args.vision, project=project, priority=args.priority or 0,
    )  # fmt: skip
    _print_new(row, args)


def _add_task(book: Goals, args: runner.Arguments) -> None:
    if args.goal and len(args.goal) > 1:
        raise UsageError("a task has one goal: give --goal once")
    names = [name for name, actions in OPTIONS.items() if actions == _TASK]
    task = {name: getattr(args, name) for name in (*names, "project", "priority")}
    after = task.pop("after")
    task |= {"content": args.words[0], "timeout_seconds": args.timeout}
    task["env_vars"] = _variables(task.pop("env"))
    if args.metadata is not None:
        task["metadata"] = send_options.metadata(args.metadata)
    goal = args.goal[0] if args.goal else None
    _print_new(goals.add_task(book.own(), task, goal=goal, after=after), args)


def _variables(options: list[str] | None) -> dict[str, str] | None:
    if options is None:
        return None
    if bad := [option for option in options if "=" not in option]:
        raise UsageError(f"not K=V: '{bad[0]}' (goals store no secrets: put those into a file)")
    return dict(option.split("=", 1) for option in options)


def _print_new(row: Row, args: runner.Arguments) -> None:
    if args.dry_run:
        output.one({**row, "id": None}, args, "would be added")
    else:
        output.one(row, args, str(row["id"]))


def _generate(book: Goals, args: runner.Arguments) -> None:
    if args.template is not None and args.command is not None:
        raise UsageError("give --template or --command, not both")
    if args.command is not None and not args.command.strip():
        raise UsageError("--command is empty: give a command that prints tasks")
    if args.timeout is not None and args.command is None:
        raise UsageError("--timeout needs --command")
    store = book.own()
    seconds = _PATIENCE if args.timeout is None else args.timeout
    made: list[Row] = []
    known = 0
    for goal in generate.chosen(store, args.goal or []):
        try:
            if args.command is None:
                tasks = generate.by_template(store, args.template or generate.DEFAULT, goal)
            else:
                tasks = generate.by_command(store, args.command, goal, seconds)
            rows, had = generate.add(store, goal, tasks)
        except UsageError:
            raise
        except AssignerError as error:
            if args.command is None:
                raise
            runner.complain(args, f"goal {goal['id']}: the command cannot be used: {error}")
            continue
        if not tasks:
            runner.say(args, f"goal {goal['id']}: the command printed no task")
        made += rows
        known += had
    _table(made, args, "tasks")
    if known:
        runner.say(args, f"already there: {known}")


def _list(book: Goals, args: runner.Arguments) -> None:
    what = args.words[0] if args.words else "tasks"
    if what not in COLUMNS:
        raise UsageError(f"cannot list '{what}' (known: tasks, goals or visions)")
    statuses = goals.TASK_STATUSES if what == "tasks" else goals.STATUSES
    if args.status is not None and args.status not in statuses and not book.is_foreign:
        raise UsageError(f"unknown status of {what}: '{args.status}' ({', '.join(statuses)})")
    store = book.store if what == "tasks" else book.own()
    if what == "visions":
        if args.project is not None:
            raise UsageError("--project is for tasks and goals: visions have no project")
        rows = store.rows("visions/list", status=args.status)
    else:
        rows = _listed(store, what, args)
    _table(rows, args, what, foreign=book.is_foreign)


def _listed(store: Store, what: str, args: runner.Arguments) -> list[Row]:
    """The rows that the options select; without --status, the open ones."""
    conditions: list[str] = []
    values: Row = {}
    if args.status is not None:
        conditions.append("status = :status")
        values["status"] = args.status
    else:
        opened = "'pending', 'in_progress'" if what == "tasks" else "'active'"
        conditions.append(f"status IN ({opened})")
    if args.project is not None:
        conditions.append("instr(lower(project), lower(:project)) > 0")
        values["project"] = args.project
    counts = (
        ", (SELECT count(*) FROM tasks AS t WHERE t.goal_id = goals.id) AS tasks,"
        " (SELECT count(*) FROM tasks AS t WHERE t.goal_id = goals.id"
        "  AND t.status IN ('pending', 'in_progress')) AS open"
    )
    with store.tables() as tables:
        limit = 50 if args.limit is None else args.limit
        return list(
            tables.table(what).rows_where(
                " AND ".join(conditions), values, order_by="priority DESC, created_at, id",
                select="*" + (counts if what == "goals" else ""),
                limit=None if limit < 0 else limit,
            )
        )  # fmt: skip


def _table(rows: list[Row], args: runner.Arguments, what: str, *, foreign: bool = False) -> None:
    columns = _FOREIGN if foreign else COLUMNS[what]
    if args.json:
        shown = [{c: row[c] for c in columns} for row in rows] if foreign else rows
    else:
        shown = [{**row, "content": output.excerpt(title(row))} for row in rows]
    if args.action == "generate" and args.dry_run:
        shown = [{**row, "id": None} for row in shown]
    output.rows(shown, args, columns=columns, whole=True, empty="nothing to list")


def _show(book: Goals, args: runner.Arguments) -> None:
    what = goals.reference(args.words[0])
    store = book.own()
    row = goals.found(store, what)
    if what.table == "goals":
        row["tasks"] = _brief(goals.tasks_of(store, what.id), "dedup_key")
    if what.table == "visions":
        row["goals"] = _brief(goals.goals_of(store, what.id))
    plain = {k: v for k, v in row.items() if v not in (None, "{}", "[]", 0) and k not in _APART}
    lines = [f"{what.what}: {row['status']}", *show.listed(_readable(plain)).splitlines()]
    lines += ["", *row["content"].splitlines()]
    below = row.get("tasks") or row.get("goals") or []
    if below:
        lines += ["", *(f"{each['id']} {each['status']}: {title(each)}" for each in below)]
    if args.json:
        output.one(row, args, "")
    else:
        output.lines(lines, args)


def _brief(rows: list[Row], *more: str) -> list[Row]:
    return [{key: row[key] for key in ("id", "content", "status", *more)} for row in rows]


_APART = {"id", "content", "status", "tasks", "goals", "updated_at", "updated_by"}


def _readable(row: Row) -> Row:
    """Variables and lists as people write them."""
    found = {}
    for key, value in row.items():
        if key == "env_vars":
            found[key] = show.variables(json.loads(value))
        elif key in ("prerequisites", "tags"):
            found[key] = "; ".join(json.loads(value))
        else:
            found[key] = value
    return found


def _close(book: Goals, args: runner.Arguments) -> None:
    status = {"done": "completed", "drop": "cancelled"}[args.action]
    ids = [goals.reference(word) for word in args.words]
    rows, warnings = goals.close(book, ids, status)
    _print_changed(rows, args)
    for warning in warnings:
        runner.say(args, f"note: {warning}")


def _retry(book: Goals, args: runner.Arguments) -> None:
    _print_changed(goals.retry(book, [goals.reference(word) for word in args.words]), args)


def _print_changed(rows: list[Row], args: runner.Arguments) -> None:
    shown = rows if args.json else [
        {**row, "content": output.excerpt(title(row) if row.get("content") else "")} for row in rows
    ]  # fmt: skip
    output.rows(shown, args, columns=("kind", "id", "status", "content"))


ACTIONS = {
    "add-vision": _add_vision,
    "add-goal": _add_goal,
    "add-task": _add_task,
    "generate": _generate,
    "list": _list,
    "show": _show,
    "done": _close,
    "drop": _close,
    "retry": _retry,
}

"""goals: visions, goals and tasks, and the tasks of another program's database."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.workplace import Result, Workplace, wait_for


@pytest.fixture
def goal(work: Workplace) -> Workplace:
    """A workplace with one goal."""
    work.tool("goals", "add-goal", "Score answers", "--project", "week2", "--priority", 5)
    return work


def tasks(work: Workplace, *options: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = work.tool("goals", "list", *options, "--json").json
    return found


def contents(work: Workplace) -> list[str]:
    return [row["content"] for row in tasks(work)]


def refused(work: Workplace, message: str, *args: object, status: int = 2, **where: Any) -> Result:
    """`goals` says it in one line, and changes nothing."""
    before = tasks(work) if (work.state / "goals.db").exists() else None
    result = work.tool("goals", *args, status=status, **where)
    assert result.err.startswith("goals: ") and result.err.count("\n") == 1, result
    assert message in result.err
    if before is not None:
        assert tasks(work) == before
    return result


def commanded(work: Workplace, command: str, *options: object, **where: Any) -> Result:
    return work.tool("goals", "generate", "--command", command, *options, **where)


# --- a person's own ------------------------------------------------------------------------------


def test_visions_goals_and_tasks(work: Workplace) -> None:
    assert work.tool("goals", "init").out == f"{work.state}/goals.db\n"
    assert (work.state / "goals.db").stat().st_mode & 0o777 == 0o600
    assert work.tool("goals", "add-vision", "Answers to rely on").out == "1\n"
    made = work.tool("goals", "add-goal", "Score answers", "--vision", 1, "--json").json
    assert (made["id"], made["project"], made["status"]) == (1, "foundation", "active")
    work.tool(
        "goals", "add-task", "make score", "--goal", 1, "--priority", 3, "--workdir", "sub",
        "--env", "A=b=c", "--prereq", "true", "--tag", "t", "--timeout", 60, "--target", "one",
        "--metadata", '{"who": "me"}', cwd=work.path,
    )  # fmt: skip
    (row,) = tasks(work)
    assert row["env_vars"] == {"A": "b=c"} and row["metadata"] == {"who": "me"}
    assert (row["working_dir"], row["project"]) == (f"{work.path}/sub", "foundation")
    assert (row["prerequisites"], row["tags"], row["status"]) == (["true"], ["t"], "pending")
    told = work.tool("goals", "show", 1).out
    assert "task 1: pending" in told and "Answers to rely on" in told and "A=b=c" in told
    assert work.tool("goals", "show", "g1", "--json").json["tasks"][0]["id"] == 1
    assert work.tool("goals", "show", "v1", "--json").json["goals"][0]["id"] == 1


def test_done_and_dropped(goal: Workplace) -> None:
    for text in ("one", "two", "three"):
        goal.tool("goals", "add-task", text, "--goal", 1)
    goal.tool("goals", "add-task", "alone")
    (row,) = goal.tool("goals", "done", 1, "--json").json
    assert (row["kind"], row["id"], row["status"]) == ("task", 1, "completed")
    goal.tool("goals", "drop", 2)
    assert goal.tool("goals", "done", 2, status=2).err == "goals: task 2 is already cancelled\n"
    goal.tool("goals", "retry", 2)
    goal.tool("goals", "done", "g1")
    assert contents(goal) == ["alone"]
    assert [row["id"] for row in tasks(goal, "--status", "cancelled")] == [2, 3]
    assert goal.tool("goals", "list", "goals", "--json").json == []
    assert "goal 1 is completed" in goal.tool("goals", "add-task", "x", "--goal", 1, status=2).err


def test_a_vision_takes_its_goals_with_it(work: Workplace) -> None:
    work.tool("goals", "add-vision", "All")
    work.tool("goals", "add-goal", "Some", "--vision", 1)
    work.tool("goals", "generate")
    work.tool("goals", "drop", "v1")
    assert (tasks(work), work.tool("goals", "list", "goals", "--json").json) == ([], [])


def test_a_dry_run_changes_nothing(goal: Workplace) -> None:
    before = (goal.state / "goals.db").read_bytes()
    assert goal.tool("goals", "add-task", "x", "--dry-run").out == "would be added\n"
    (row,) = goal.tool("goals", "generate", "--dry-run", "--json").json
    assert (row["id"], row["content"], row["project"]) == (None, "Score answers", "week2")
    goal.tool("goals", "drop", "g1", "--dry-run")
    assert (goal.state / "goals.db").read_bytes() == before


BAD: dict[str, tuple[list[object], str]] = {
    "no action": ([], "required: ACTION"),
    "unknown action": (["add-dream", "x"], "'add-dream' is not one of "),
    "no text": (["add-goal"], "add-goal takes one argument"),
    "empty text": (["add-goal", ""], "add-goal takes one argument"),
    "escape": (["add-vision", "a\x1b"], r"content has the control character \x1b"),
    "two texts": (["add-vision", "a", "b"], "add-vision takes one argument"),
    "unknown vision": (["add-goal", "x", "--vision", 9], "no vision 9"),
    "unknown goal": (["add-task", "x", "--goal", 9], "no goal 9"),
    "unknown task before": (["add-task", "x", "--after", 9], "no task 9"),
    "empty project": (["add-goal", "x", "--project", " "], "project is empty"),
    "a secret": (["add-task", "x", "--env", "KEY"], "not K=V: 'KEY'"),
    "no variable": (["add-task", "x", "--env", "1=2"], "'1' is not a variable name"),
    "unknown provider": (["add-task", "x", "--provider", "abacus"], "unknown provider 'abacus'"),
    "bad metadata": (["add-task", "x", "--metadata", "[]"], "metadata is not a JSON object"),
    "an option of others": (["add-vision", "x", "--goal", 1], "--goal is for add-task, generate"),
    "no id": (["done", "seven"], "not an id: 'seven'"),
    "unknown id": (["done", 1, 99], "no task 99"),
    "unknown list": (["list", "dreams"], "cannot list 'dreams'"),
    "unknown status": (["list", "--status", "active"], "unknown status of tasks: 'active'"),
    "two ways": (["generate", "--template", "x", "--command", "y"], "not both"),
    "unknown template": (["generate", "--template", "none"], "(known: direct, feature, research)"),
    "unknown goal to generate": (["generate", "--goal", 9], "no goal 9"),
    "patience without a command": (["generate", "--timeout", 9], "--timeout needs --command"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_meant(goal: Workplace, case: str) -> None:
    goal.tool("goals", "add-task", "keep")
    args, message = BAD[case]
    refused(goal, message, *args)


# --- templates -----------------------------------------------------------------------------------


def test_templates_make_tasks_once(goal: Workplace) -> None:
    made = goal.tool("goals", "generate", "--template", "feature", "--json").json
    assert [row["content"].partition(":")[0] for row in made] == ["Plan", "Build", "Test", "Review"]
    assert [row["priority"] for row in made] == [8, 7, 6, 5]
    assert [row["after_id"] for row in made] == [None, 1, 2, 3]
    again = goal.tool("goals", "generate", "--template", "feature", "--json")
    assert (again.json, again.err) == ([], "goals: already there: 4\n")
    assert len(goal.tool("goals", "generate", "--template", "research", "--json").json) == 3


def template(work: Workplace, name: str, text: str) -> Path:
    file = work.home / ".config/assigner/templates" / f"{name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_a_persons_own_template_wins(goal: Workplace) -> None:
    content = "echo {project} {id} {goal} {x}"
    text = f'[[tasks]]\nkey = "a"\ncontent = "{content}"\nenv_vars = {{G = "{{goal}}"}}\n'
    template(goal, "direct", text)
    (row,) = goal.tool("goals", "generate", "--json").json
    assert row["content"] == "echo week2 1 Score answers {x}"
    assert row["env_vars"] == {"G": "Score answers"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks = [", "is not valid TOML"),
        ("", "[[tasks]] is missing"),
        ("color = 1", "unknown key 'color' (known: about, tasks)"),
        ("tasks = [1]", "task 1: it is not a table"),
        ("[[tasks]]\ncontent = 'x'", "task 1: key is missing"),
        ("[[tasks]]\nkey = 'a'", "task 1: content is missing"),
        ("[[tasks]]\nkey = 'a'\ncontent = 'x'\ncolor = 1", "task 1: unknown key 'color'"),
        ("[[tasks]]\nkey = 'a'\ncontent = 'x'\npriority = 'b'", "priority must be a whole number"),
        ("[[tasks]]\nkey = 'a'\ncontent = 'x'\nafter = 'b'", "after names no earlier task"),
    ],
)
def test_a_template_that_will_not_do(goal: Workplace, text: str, message: str) -> None:
    file = template(goal, "own", text)
    assert f"'{file}'" in refused(goal, message, "generate", "--template", "own", status=78).err


# --- commands ------------------------------------------------------------------------------------


def test_a_command_gets_the_goal_and_prints_tasks(goal: Workplace) -> None:
    goal.tool("goals", "add-task", "had", "--goal", 1)
    goal.tool("goals", "add-goal", "Another")
    seen = goal.path / "seen"
    line = json.dumps({"content": "a task", "priority": 9, "env_vars": {"A": "1"}})
    command = f"cat >>{seen}; echo '{line}'; echo; echo '{{\"content\": \"HAD \"}}'"
    shown = commanded(goal, command, "--goal", 1, "--dry-run", "--json").json
    assert [row["content"] for row in shown] == ["a task"]
    assert len(tasks(goal)) == 1
    (made,) = commanded(goal, command, "--goal", 1, "--json").json
    assert (made["priority"], made["project"], made["goal_id"]) == (9, "week2", 1)
    assert commanded(goal, command, "--goal", 1, "--json").json == []
    given = json.loads(seen.read_text().splitlines()[0])
    assert given == {
        "id": 1, "content": "Score answers", "project": "week2", "priority": 5, "vision": None,
        "tasks": [{"id": 1, "content": "had", "status": "pending"}],
    }  # fmt: skip


def test_a_command_that_prints_nothing(goal: Workplace) -> None:
    assert commanded(goal, "true").err == "goals: goal 1: the command printed no task\n"
    refused(goal, "--command is empty", "generate", "--command", " ")


def test_one_goal_that_fails_keeps_no_other_back(goal: Workplace) -> None:
    goal.tool("goals", "add-goal", "Another")
    command = 'grep -q Score && exit 3; echo \'{"content": "x"}\''
    result = commanded(goal, command, status=1)
    assert (
        result.err
        == "goals: goal 1: the command cannot be used: the command failed with exit status 3\n"
    )
    assert [row["goal_id"] for row in tasks(goal)] == [2]


GARBAGE = {
    "prose": ("echo '{\"content\": \"x\"}'; echo Yes!", "line 2 of its output: not JSON, 'Ye"),
    "a list": ("echo '[]'", "not a JSON object"),
    "no content": ("echo '{}'", "content is missing"),
    "empty content": ("echo '{\"content\": \" \"}'", "content is empty"),
    "an empty check": ("echo '{\"content\": \"x\", \"check_command\": \" \"}'", "check is empty"),
    "no check": ("echo '{\"content\": \"x\", \"check_timeout_seconds\": 1}'", "needs a check"),
    "an unknown key": ("echo '{\"content\": \"x\", \"color\": 1}'", "unknown key 'color'"),
    "a wrong kind": ("echo '{\"content\": \"x\", \"priority\": true}'", "be a whole number: true"),
    "no number": ("echo '{\"content\": \"x\", \"timeout_seconds\": NaN}'", "not a JSON number"),
    "an escape": ("echo '{\"content\": \"\\u001b\"}'", "control character"),
    "depth": ("head -c 200000 /dev/zero | tr '\\0' '['", "not JSON"),
    "no UTF-8": ("printf '\\377'", "not valid UTF-8"),
    "a flood": ("yes", "the command printed more than 1000000 bytes"),
    "many tasks": ("seq -f '{\"content\": \"%g\"}' 201", "201 tasks"),
    "failure": ("echo '{\"content\": \"x\"}'; echo why >&2; exit 3", "exit status 3: why"),
    "failure told aloud": ("echo API Error; exit 1", "exit status 1: API Error"),
    "a signal": ("kill -9 $$", "signal 9"),
    "no program": ("no-such-program", "exit status 127"),
}  # fmt: skip


@pytest.mark.parametrize("case", GARBAGE)
def test_a_command_that_will_not_do(goal: Workplace, case: str) -> None:
    command, message = GARBAGE[case]
    refused(goal, message, "generate", "--command", command, status=1)


def test_a_command_that_hangs_is_ended_with_all_that_it_started(goal: Workplace) -> None:
    mark = goal.path / "pid"
    hang = f"sleep 100 & echo $! >{mark}; exec >&- 2>&-; sleep 100"
    refused(goal, "within 0.5 s", "generate", "--command", hang, "--timeout", 0.5, status=1)
    pid = mark.read_text().strip()
    wait_for(lambda: not alive(pid))


def test_a_command_ends_with_who_called_it(goal: Workplace) -> None:
    mark = goal.path / "pid"
    hang = f"echo $$ >{mark}.new; mv {mark}.new {mark}; sleep 100"
    process = goal.start("goals", "generate", "--command", hang)
    wait_for(mark.exists)
    process.terminate()
    assert process.wait(20) == 128 + 15
    wait_for(lambda: not alive(mark.read_text().strip()))


def alive(pid: str) -> bool:
    """Whether the process that sleeps is still there; another may have its number by now."""
    try:
        return b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


# --- the file ------------------------------------------------------------------------------------


def foreign(work: Workplace, columns: str, *rows: tuple[object, ...]) -> Path:
    """Another program's goals, and the setting that names them."""
    path = work.path / "theirs.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE tasks ({columns})")
        for row in rows:
            places = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO tasks VALUES ({places})", row)
    work.environment["ASSIGNER_GOALS"] = str(path)
    return path


THEIRS = (
    "id INTEGER PRIMARY KEY, title TEXT, description TEXT, status TEXT, project TEXT,"
    " priority INTEGER, created_at TEXT, owner TEXT"
)


def test_another_programs_tasks(work: Workplace) -> None:
    path = foreign(
        work, THEIRS,
        (1, "One", None, "pending", "week2", 1, "2026-01-02", "me"),
        (2, "Two", "more", "pending", "other", 9, "2026-01-01", "me"),
        (3, "Three", "", "done", "week2", 1, "2026-01-01", "me"),
    )  # fmt: skip
    rows = tasks(work)
    assert [(row["id"], row["content"]) for row in rows] == [(2, "Two\n\nmore"), (1, "One")]
    assert [row["id"] for row in tasks(work, "--project", "EEK")] == [1]
    work.tool("goals", "done", 1)
    work.tool("goals", "drop", 2)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT * FROM tasks").fetchall()
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    assert tables == ["tasks"]
    assert found == [
        (1, "One", None, "completed", "week2", 1, "2026-01-02", "me"),
        (2, "Two", "more", "cancelled", "other", 9, "2026-01-01", "me"),
        (3, "Three", "", "done", "week2", 1, "2026-01-01", "me"),
    ]
    for args in (["init"], ["add-goal", "x"], ["generate"], ["show", 1], ["list", "goals"]):
        assert "belongs to another program" in work.tool("goals", *args, status=2).err


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("id, title, status, project, priority", "the table 'tasks' has no column created_at"),
        ("id, status, project, priority, created_at", "no column one of content, description"),
    ],
)
def test_tables_that_will_not_do(work: Workplace, columns: str, message: str) -> None:
    foreign(work, columns)
    result = work.tool("goals", "list", status=78)
    assert message in result.err and result.err.count("\n") == 1


def test_files_that_will_not_do(work: Workplace) -> None:
    work.tool("send", "true")
    file = work.path / "file"
    file.write_text("no database, but longer than the header of one\n" * 100)
    with closing(sqlite3.connect(work.path / "empty.db")) as connection, connection:
        connection.execute("CREATE TABLE other (id)")
    missing = work.path / "missing.db"
    for path, message, status in (
        (file, "is damaged or not a database", 78),
        (work.path / "empty.db", "has no table 'tasks'", 78),
        (work.database, "is the queue", 78),
        (work.path, "is not a file", 78),
        (missing, "run 'goals init' to create them", 78),
        ("relative.db", "ASSIGNER_GOALS is not an absolute path", 78),
    ):
        result = work.tool("goals", "list", env={"ASSIGNER_GOALS": str(path)}, status=status)
        assert message in result.err and result.err.count("\n") == 1, result
    assert not missing.exists()
    work.tool("goals", "init", env={"ASSIGNER_GOALS": str(missing)})
    assert missing.exists()


def test_a_file_that_is_locked(goal: Workplace) -> None:
    with closing(sqlite3.connect(goal.state / "goals.db")) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        result = goal.tool("goals", "list", status=75)
    assert result.err == f"goals: '{goal.state}/goals.db' is busy: database is locked; try again\n"

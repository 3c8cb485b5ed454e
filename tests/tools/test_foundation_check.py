"""foundation-check: idle sessions get goal tasks, each once; outcomes go back to the goals."""

import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from assigner import clock
from harness.workplace import ROOT, Workplace

LATER = {"idle": 200, "soon": 100, "day": 86400}
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - (.*)\Z")


@pytest.fixture
def work(work: Workplace) -> Workplace:
    """A workplace with the enrolled, idle session `foundation`."""
    work.enrolled("foundation")
    return work


def after(work: Workplace, seconds: float) -> dict[str, str]:
    """The clock, so long after the sessions have become idle."""
    row = work.row("SELECT max(idle_since) AS at FROM sessions WHERE status = 'idle'")
    return {"ASSIGNER_NOW": clock.text(clock.seconds(row["at"]) + seconds)}


def check(work: Workplace, *args: object, later: float = 200, **where: Any) -> list[dict[str, Any]]:
    """One foundation-check, so long after the sessions have become idle: what it printed."""
    where["env"] = {**after(work, later), **where.get("env", {})}
    found: list[dict[str, Any]] = work.tool("foundation-check", "--json", *args, **where).json
    return found


def outcomes(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["session"], row["action"], row["kind"], row["task"]) for row in rows]


def add(work: Workplace, text: str, *options: object) -> None:
    work.tool("goals", "add-task", text, *options)


def task(work: Workplace, id: int) -> Any:
    return work.tool("goals", "show", id, "--json").json


def state(work: Workplace, name: str = "foundation") -> Any:
    file = work.state / "foundation" / f"{name}.json"
    assert file.stat().st_mode & 0o777 == 0o600
    return json.loads(file.read_text())


def work_log(work: Workplace, name: str = "foundation") -> list[str]:
    file = work.state / "foundation" / f"{name}.log"
    assert file.stat().st_mode & 0o777 == 0o600
    found = [LINE.match(line) for line in file.read_text().splitlines()]
    assert all(found)
    return [match[1] for match in found if match]


def profiles(work: Workplace, text: str) -> Path:
    file = work.home / ".config/assigner/foundation.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)
    return file


# --- choosing ------------------------------------------------------------------------------------


def test_the_whole_way(work: Workplace) -> None:
    script = "echo high $FEATURE_ENV $FEATURE_PORT $A >>~/ran; test -d $FEATURE_DATA_DIR"
    add(work, "echo low >>~/ran", "--project", "week2")
    add(work, script, "--project", "my-research-2", "--priority", 5, "--env", "A=1")
    add(work, "echo newer >>~/ran", "--project", "week2", "--priority", 5)
    add(work, "echo other >>~/ran", "--project", "elsewhere", "--priority", 9)
    ran = work.home / "ran"
    for id, seen in ((2, "high env_1 8081 1"), (3, "newer"), (1, "low")):
        *_, given = check(work)
        assert outcomes([given]) == [("foundation", "queued", "goal", str(id))]
        assert task(work, id)["status"] == "in_progress"
        assert state(work)["current_task"]["id"] == id
        work.tick(until=60)
        assert ran.read_text().splitlines()[-1] == seen
    assert outcomes(check(work)) == [("foundation", "completed", "goal", "1")]
    assert check(work) == []
    assert [task(work, n)["status"] for n in (1, 2, 3, 4)] == ["completed"] * 3 + ["pending"]
    now = state(work)
    assert (now["tasks_completed"], now["tasks_failed"], now["work_sessions"]) == (3, 0, 3)
    assert (now["current_task"], now["idle_count"]) == (None, 2)
    assert work_log(work)[:2] == [f"Assigned task 2: {script}", f"Completed task: {script}"]
    assert len(work_log(work)) == 6


def test_idle_for_the_threshold_and_no_less(work: Workplace) -> None:
    add(work, "true")
    assert check(work, later=179) == []
    assert check(work, later=179) == []
    assert state(work)["idle_count"] == 2
    told = work.tool("foundation-check", "--status", "--json", env=after(work, 100)).json
    assert told[0]["waits_for"] == "the session has been idle for 100 of 180 s"
    assert len(check(work, later=181)) == 1
    assert state(work)["idle_count"] == 0


def test_busy_resets_the_count(work: Workplace) -> None:
    check(work, later=10)
    assert state(work)["idle_count"] == 1
    work.tool("send", "sleep 100", "--target", "foundation")
    work.run_until(lambda: work.prompt(1)["started_at"])
    work.tool("foundation-check")
    assert state(work)["idle_count"] == 0


def test_what_waits_for_the_session_is_work(work: Workplace) -> None:
    add(work, "true")
    work.tool("send", "true", "--target", "foundation")
    assert check(work) == []
    assert state(work)["idle_count"] == 0


def test_tasks_may_wait_for_a_task_or_be_for_a_session(work: Workplace) -> None:
    add(work, "true", "--target", "another", "--priority", 9)
    add(work, "false", "--max-attempts", 1)
    add(work, "true", "--after", 2, "--priority", 5)
    assert outcomes(check(work)) == [("foundation", "queued", "goal", "2")]
    work.tick(until=60)
    assert outcomes(check(work)) == [("foundation", "failed", "goal", "2")]
    assert check(work) == []


def test_a_task_that_can_be_no_prompt_is_refused(work: Workplace) -> None:
    add(work, "one", "--priority", 5, "--git-branch", "main")
    add(work, "two")
    work.tool("sync-context")
    with closing(sqlite3.connect(work.database)) as connection, connection:
        connection.execute("UPDATE sessions SET current_dir = NULL")
    result = work.tool("foundation-check", "--json", env=after(work, 200), status=1)
    assert outcomes(result.json) == [("foundation", "queued", "goal", "2")]
    assert result.err.startswith("foundation-check: task 1: the repository of branch 'main'")
    assert task(work, 1)["status"] == "failed"


# --- what became of it ---------------------------------------------------------------------------


def test_a_failed_task_goes_back_and_is_given_up_at_last(work: Workplace) -> None:
    work.environment["ASSIGNER_BACKOFF_BASE"] = "1000"
    add(work, "exit 3", "--max-attempts", 2)
    assert len(check(work)) == 1
    work.tick(until=60)
    (row,) = check(work)
    assert row["action"] == "failed" and "retry at" in row["reason"]
    assert (task(work, 1)["status"], task(work, 1)["attempts"]) == ("pending", 1)
    assert check(work, later=300) == []
    assert outcomes(check(work, later=2000)) == [("foundation", "queued", "goal", "1")]
    work.tick(until=60)
    check(work)
    assert (task(work, 1)["status"], task(work, 1)["attempts"]) == ("failed", 2)
    assert "exit_status: 3" in task(work, 1)["error"]
    assert check(work, later=LATER["day"]) == []
    assert work_log(work)[1].startswith("Failed task 1: ")
    assert (state(work)["tasks_failed"], state(work)["work_sessions"]) == (2, 2)
    work.tool("goals", "retry", 1)
    assert outcomes(check(work)) == [("foundation", "queued", "goal", "1")]


def test_what_would_fail_again_is_not_tried_again(work: Workplace) -> None:
    add(work, "true", "--workdir", work.path / "missing")
    check(work)
    work.tick(until=60)
    check(work)
    assert task(work, 1)["status"] == "failed"


def test_a_task_that_fails_its_check_is_told_why(work: Workplace) -> None:
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0"
    add(
        work,
        'echo "$ASSIGNER_FEEDBACK" >>~/told',
        "--check",
        'test "$(wc -l <~/told)" -gt 1 || exit 7',
    )
    assert (task(work, 1)["check_command"] or "").startswith("test")
    for outcome in ("failed", "completed"):
        assert check(work)[-1]["action"] == "queued"
        work.tick(until=60)
        assert work.rows("SELECT status FROM prompts ORDER BY id")[-1]["status"] == outcome
    assert check(work)[0]["action"] == "completed"
    first, second = (work.home / "told").read_text().split("\n", 1)
    assert first == "" and "exit status 7" in second
    assert (task(work, 1)["status"], task(work, 1)["attempts"]) == ("completed", 2)


def test_cancelled_and_closed_by_a_person(work: Workplace) -> None:
    add(work, "sleep 100", "--priority", 5)
    add(work, "true")
    check(work)
    work.tool("cancel", 1)
    assert outcomes(check(work)) == [
        ("foundation", "cancelled", "goal", "1"), ("foundation", "queued", "goal", "2"),
    ]  # fmt: skip
    assert task(work, 1)["status"] == "cancelled"
    said = work.tool("goals", "drop", 2).err
    assert said == "goals: note: task 2 still runs as prompt 2; to stop it: assigner cancel 2\n"
    work.tick(until=60)
    check(work)
    assert (work.prompt(2)["status"], task(work, 2)["status"]) == ("completed", "cancelled")
    work.tool("retry", 1)
    check(work)
    assert task(work, 1)["status"] == "in_progress"


def test_a_forgotten_prompt_leaves_its_outcome(work: Workplace) -> None:
    add(work, "true")
    check(work)
    work.tick(until=60)
    work.tool("clear", "--days", 0, "--apply")
    assert work.rows("SELECT id FROM prompts") == []
    assert outcomes(check(work)) == [("foundation", "completed", "goal", "1")]
    assert task(work, 1)["status"] == "completed"


# --- kills ---------------------------------------------------------------------------------------

# What is called next, or has just been called, when it is killed
STEPS = [
    ("assigner.giving.remember", "late"),
    ("assigner.goalfiles.Goals.take", "early"),
    ("assigner.goalfiles.Goals.take", "late"),
    ("assigner.goalfiles.Goals.settle", "early"),
    ("assigner.goalfiles.Goals.settle", "late"),
    ("assigner.crediting._count", "late"),
    ("assigner.worklog.publish", "early"),
    ("assigner.log.append", "early"),
    ("assigner.log.append", "late"),
]
KILLER = """
import os, runpy, signal, sys
sys.argv = ["foundation-check"]
import assigner.giving, assigner.goalfiles, assigner.log, assigner.crediting, assigner.worklog
owner, _, name = "{step}".rpartition(".")
place = eval(owner)
real = getattr(place, name)
def killed(*args, **more):
    if "{when}" == "late":
        real(*args, **more)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(place, name, killed)
runpy.run_path("{tool}", run_name="__main__")
"""


@pytest.mark.parametrize(("step", "when"), STEPS)
@pytest.mark.slow
def test_killed_between_any_two_steps(work: Workplace, step: str, when: str) -> None:
    script = work.path / "killed"
    tool = ROOT / "bin/foundation-check"
    script.write_text("#python\n" + KILLER.format(step=step, when=when, tool=tool))
    for n in (1, 2):
        add(work, f"echo {n} >>~/ran; test {n} = 1", "--max-attempts", 1)
    done = 0
    for _ in range(3):
        killed = work.tool(str(script), env=after(work, 200), status=None).status
        done += killed == -9
        check(work, later=200)
        work.tick(until=60)
    assert done
    assert check(work) == []
    assert sorted((work.home / "ran").read_text().split()) == ["1", "2"]
    assert [(task(work, n)["status"], task(work, n)["attempts"]) for n in (1, 2)] == [
        ("completed", 1), ("failed", 1),
    ]  # fmt: skip
    now = state(work)
    assert (now["tasks_completed"], now["tasks_failed"], now["work_sessions"]) == (1, 1, 2)
    said = [line.partition(" task")[0] for line in work_log(work)]
    assert said == ["Assigned", "Completed", "Assigned", "Failed"]


# --- other goals ---------------------------------------------------------------------------------

THEIRS = (
    "id TEXT PRIMARY KEY, task TEXT, status TEXT CHECK (status IN"
    " ('pending', 'in_progress', 'completed')), project TEXT, priority REAL, created_at TEXT"
)


def test_another_programs_rules_hold(work: Workplace) -> None:
    work.environment |= {
        "ASSIGNER_GOALS": str(work.path / "theirs.db"), "ASSIGNER_BACKOFF_BASE": "1000",
    }  # fmt: skip
    with closing(sqlite3.connect(work.path / "theirs.db")) as connection, connection:
        connection.execute(f"CREATE TABLE tasks ({THEIRS})")
        for id, text, priority in (("a", "true", 1.5), ("b", "false", 9.0), ("c", None, 20.0)):
            row = (id, text, "pending", "week2", priority, "2026-01-01")
            connection.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?)", row)

    def theirs() -> dict[str, str]:
        with closing(sqlite3.connect(work.path / "theirs.db")) as connection:
            return dict(connection.execute("SELECT id, status FROM tasks"))

    result = work.tool("foundation-check", "--json", env=after(work, 200), status=1)
    assert "task c: content is empty" in result.err
    assert result.err.count("\n") == 2 and "does not accept status 'failed'" in result.err
    assert outcomes(result.json) == [("foundation", "queued", "goal", "b")]
    assert theirs() == {"a": "pending", "b": "in_progress", "c": "pending"}


def test_another_programs_tasks_come_back(work: Workplace) -> None:
    path = work.path / "theirs.db"
    work.environment |= {"ASSIGNER_GOALS": str(path), "ASSIGNER_BACKOFF_BASE": "1000"}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE tasks ({THEIRS.replace('CHECK', 'DEFAULT 1 --')}\n)")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE tasks")
        connection.execute(
            "CREATE TABLE tasks (title, status TEXT, project TEXT, priority, created_at)"
        )
        for text, priority in (("true", 1), ("exit 3", 9)):
            connection.execute(
                "INSERT INTO tasks VALUES (?, 'pending', 'week2', ?, 'x')", (text, priority)
            )

    def theirs() -> list[str]:
        with closing(sqlite3.connect(path)) as connection:
            return [status for (status,) in connection.execute("SELECT status FROM tasks")]

    assert outcomes(check(work)) == [("foundation", "queued", "goal", "2")]
    assert theirs() == ["pending", "in_progress"]
    work.tick(until=60)
    assert outcomes(check(work)) == [
        ("foundation", "failed", "goal", "2"), ("foundation", "queued", "goal", "1"),
    ]  # fmt: skip
    assert theirs() == ["in_progress", "pending"]
    work.tick(until=60)
    assert outcomes(check(work, later=250)) == [("foundation", "completed", "goal", "1")]
    assert theirs() == ["completed", "pending"]
    assert outcomes(check(work, later=5000)) == [("foundation", "queued", "goal", "2")]


def test_goals_that_cannot_be_used_harm_nothing(work: Workplace) -> None:
    add(work, "true")
    check(work)
    work.tick(until=60)
    goals = work.state / "goals.db"
    with closing(sqlite3.connect(goals)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        result = work.tool("foundation-check", env=after(work, 200), status=1)
    assert result.err == (f"foundation-check: '{goals}' is busy: database is locked; try again\n")
    kept = goals.read_bytes()
    goals.write_bytes(b"garbage" * 1000)
    result = work.tool("foundation-check", env=after(work, 200), status=1)
    assert "is damaged or not a database" in result.err and result.err.count("\n") == 1
    goals.write_bytes(kept)
    with closing(sqlite3.connect(goals)) as connection:
        connection.execute("PRAGMA user_version = 2")
    older = goals.read_bytes()
    result = work.tool("foundation-check", env=after(work, 200), status=1)
    assert "from before assigner 0.1.0" in result.err and result.err.count("\n") == 1
    assert goals.read_bytes() == older
    goals.write_bytes(kept)
    assert outcomes(check(work)) == [("foundation", "completed", "goal", "1")]


# --- profiles ------------------------------------------------------------------------------------


def test_profiles_of_several_sessions(work: Workplace) -> None:
    work.enrolled("two")
    profiles(
        work,
        '[first]\nsession = "foundation"\nprojects = ["alpha"]\n'
        f'[second]\nsession = "two"\nprojects = []\nenvironment = "env_2"\nport = 8082\n'
        f'data_dir = "/data"\nidle_threshold = 1\nworking_dir = "{work.path}"\n'
        'general_prompt = "echo general; pwd"\n',
    )
    add(work, "echo $FEATURE_ENV $FEATURE_PORT $FEATURE_DATA_DIR", "--project", "beta")
    assert outcomes(check(work)) == [("two", "queued", "goal", "1")]
    work.tick(until=60)
    assert work.prompt(1)["response"] == "env_2 8082 /data"
    assert outcomes(check(work)) == [("two", "queued", "general", None)]
    work.tick(until=60)
    assert work.prompt(2)["response"].splitlines() == ["general", str(work.path)]
    assert check(work, "--session", "first") == []
    assert (state(work, "second")["tasks_completed"], state(work, "second")["work_sessions"]) == (
        1,
        2,
    )
    assert work_log(work, "second")[-2:] == [
        "Assigned general work (2)", "Completed general work (2)",
    ]  # fmt: skip


def test_a_prompt_that_hangs_is_ended_by_its_profile(work: Workplace) -> None:
    profiles(work, '[a]\nsession = "foundation"\ntimeout = 60')
    add(work, "sleep 999", "--timeout", 0.5, "--priority", 1)
    add(work, "true")
    for _ in range(2):
        check(work)
        work.tick(until=60)
    found = [row["timeout_seconds"] for row in work.rows("SELECT * FROM prompts ORDER BY id")]
    assert found == [0.5, 60]
    assert work.prompt(1)["error"].startswith("timeout: ")


def test_limits_and_quiet_hours(work: Workplace) -> None:
    work.environment["TZ"] = "UTC"
    profiles(work, '[a]\nsession = "foundation"\ntasks_per_hour = 1\nquiet_hours = ["22:00-07:00"]')
    for n in range(3):
        add(work, f"echo {n}")
    day = after(work, LATER["day"])["ASSIGNER_NOW"][:11]

    def told(time: str) -> Any:
        pinned = {"ASSIGNER_NOW": f"{day}{time}:00.000Z"}
        return work.tool("foundation-check", "--status", "--json", env=pinned).json[0]["waits_for"]

    assert [told(time) for time in ("22:00", "03:00", "06:59", "07:00", "21:59")] == [
        *["the profile has quiet hours now"] * 3, None, None,
    ]  # fmt: skip
    assert len(check(work, env={"ASSIGNER_NOW": f"{day}12:00:00.000Z"})) == 1
    work.tick(until=60)
    assert "got 1 tasks in the last hour" in told("12:30")
    assert told("13:01") is None


def test_paused_and_not_enrolled(work: Workplace) -> None:
    add(work, "true")
    work.tool("pause", "foundation")
    assert check(work) == []
    work.tool("resume", "foundation")
    work.tool("enroll", "--remove", "foundation")
    assert check(work) == []
    assert len(work.rows("SELECT id FROM prompts")) == 0


BAD = {
    "": (0, ""),
    "[a]\nprojects = []": (78, "profile 'a': session is missing"),
    "[a]\nsession = 's'\n[b]\nsession = 's'": (78, "profiles 'a' and 'b' have the same session"),
    "[a]\nsession = 's'\n[b]\nsession = 't'": (78, "have the same environment, 'env_1'"),
    "[a]\nsession = 's'\ncolor = 1": (78, "profile 'a': unknown key 'color' (known: session,"),
    "session = 's'": (78, "'session' is outside of a profile"),
    "[a]\nsession = 1": (78, "'session' must be a string: 1"),
    "[a]\nsession = ' '": (78, "target_session is empty"),
    "[a]\nsession = 's'\nport = 0": (78, "'port' is not a port: 0"),
    "[a]\nsession = 's'\nidle_threshold = -1": (78, "'idle_threshold' is out of range: -1"),
    "[a]\nsession = 's'\nquiet_hours = ['late']": (78, "must look like '22:00-07:00': 'late'"),
    "[a]\nsession = 's'\nprojects = ['']": (78, "has an empty string"),
    "[a]\nsession = 's'\nworking_dir = 'x'": (78, "must be an absolute path: 'x'"),
    "['a b']\nsession = 's'": (78, "in its name, at most 64"),
    "[a": (78, "is not valid TOML"),
}


@pytest.mark.parametrize("text", BAD)
def test_profiles_that_will_not_do(tmp_path: Path, text: str) -> None:
    status, message = BAD[text]
    with Workplace(tmp_path) as bare:
        file = profiles(bare, text)
        result = bare.tool("foundation-check", status=status)
        assert message in result.err and result.err.count("\n") == (status > 0)
        assert not status or f"'{file}'" in result.err
        ticked = bare.tool("tick", status=int(status > 0))
        assert ticked.err == result.err.replace("foundation-check:", "tick:")


def test_what_cannot_be_meant(work: Workplace) -> None:
    profiles(work, '[a]\nsession = "foundation"')
    for args, message in (
        (["--session", "none"], "is for session 'none' (there: foundation)"),
        (["--priority", "1"], "--priority and --category need --assign-task"),
        (["--assign-task", " "], "content is empty"),
        (["--assign-task", "x", "--category", "\x1b"], "tag is empty or has a control character"),
        (["--status", "--assign-task", "x"], "not allowed with"),
    ):
        result = work.tool("foundation-check", *args, status=2)
        assert message in result.err and result.err.count("\n") == 1
    assert work.rows("SELECT id FROM prompts") == []


def test_a_session_that_nobody_has_seen_is_refused(work: Workplace) -> None:
    for args in ([], ["--status"], ["--assign-task", "x"]):
        options = ["--session", "foundation", "--session", "typo"][2 * bool(args) :]
        result = work.tool("foundation-check", *options, *args, status=2)
        assert result.err == "foundation-check: no session 'typo' (known sessions: foundation)\n"
    assert work.rows("SELECT id FROM prompts") == []
    assert not (work.state / "foundation").exists()


# --- by hand, and in tick ------------------------------------------------------------------------


def test_a_task_is_assigned_by_hand(work: Workplace) -> None:
    would = work.tool("foundation-check", "--assign-task", "x", "--dry-run")
    assert would.out == "would be queued for foundation\n"
    done = work.tool(
        "foundation-check", "--assign-task", "echo by hand", "--priority", 7, "--category", "c"
    )
    assert done.out == "1\n"
    row = work.prompt(1)
    assert (row["priority"], row["tags"], row["target_session"]) == (7, '["c"]', "foundation")
    assert state(work)["current_task"]["content"] == "echo by hand"
    work.tick(until=60)
    check(work)
    assert work_log(work) == ["Assigned task 1: echo by hand", "Completed task: echo by hand"]


def test_status(work: Workplace) -> None:
    check(work, later=0)
    (row,) = work.tool(
        "foundation-check", "--status", "--json", "--session", "foundation", env=after(work, 3600)
    ).json
    assert row["session_running"] and row["is_idle"] and not row["is_busy"]
    assert (row["uptime_seconds"], row["uptime_formatted"]) == (3600, "1:00:00")
    assert (row["feature_env"], row["feature_port"]) == ("env_1", 8081)
    assert row["current_task"] is None


def test_a_dry_run_changes_nothing(work: Workplace) -> None:
    add(work, "true")
    before = (work.state / "goals.db").read_bytes(), work.database.read_bytes()
    assert len(check(work, "--dry-run")) == 1
    assert ((work.state / "goals.db").read_bytes(), work.database.read_bytes()) == before
    assert not (work.state / "foundation").exists()


def test_tick_joins_in_only_where_there_are_profiles(work: Workplace) -> None:
    add(work, "echo ran >>~/ran")
    pinned = after(work, 200)
    assert work.tool("tick", "--json", env=pinned).json == []
    profiles(work, '[a]\nsession = "foundation"\nevery = 60')
    rows = work.tool("tick", "--json", env=pinned).json
    assert [row["pass"] for row in rows] == ["foundation-check", "assign-next", "deliver"]
    work.tick(until=60)
    assert (work.home / "ran").read_text() == "ran\n"
    assert task(work, 1)["status"] == "completed"
    add(work, "true")
    assert work.tool("tick", "--json", env=after(work, 30)).json == []


def test_nothing_is_asked_of_tmux(work: Workplace) -> None:
    add(work, "true")
    work.stop_server()
    assert len(check(work)) == 1


def test_fifty_profiles_and_many_tasks(tmp_path: Path) -> None:
    with Workplace(tmp_path) as bare:
        text = "".join(
            f'[p{n}]\nsession = "s{n}"\nenvironment = "e{n}"\nport = {9000 + n}\n'
            for n in range(50)
        )
        profiles(bare, text)
        lines = "\n".join(json.dumps({"content": f"t{n}", "priority": n % 7}) for n in range(200))
        bare.tool("goals", "add-goal", "many")
        bare.tool("goals", "generate", "--command", f"cat <<'E'\n{lines}\nE")
        assert bare.tool("foundation-check", "--json").json == []
        assert len(os.listdir(bare.state / "foundation")) == 50

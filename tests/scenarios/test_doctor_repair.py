"""doctor --repair: what it fixes, what it leaves to a person; no prompt runs twice by it."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.workplace import Workplace, interrupted

FUTURE = "2199-01-01T00:00:00.000Z"
Break = Callable[[Workplace], object]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state directory with waiting prompts, and an attempt that is over."""
    with Workplace(tmp_path_factory.mktemp("template")) as work:
        work.enrolled("one")
        work.tool("send", "true", "--env", "TOKEN", env={"TOKEN": "hush"})
        work.tick()
        work.tool("send", "--jsonl", "-", "--env", "TOKEN",
                  input='{"content": "echo more"}\n' * 300, env={"TOKEN": "hush"})  # fmt: skip
        work.tool("pause", "--all")
        work.tool("pause", "one")
        yield work.state


@pytest.fixture
def used(work: Workplace, template: Path) -> Workplace:
    shutil.copytree(template, work.state)
    return work


def execute(script: str) -> Break:
    """Statements past the triggers, which would not allow them."""

    def run(work: Workplace) -> None:
        with closing(sqlite3.connect(work.database, isolation_level=None)) as connection:
            listing = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            kept = connection.execute(listing).fetchall()
            for name, _ in kept:
                connection.execute(f"DROP TRIGGER {name}")
            connection.executescript(script)
            for _, sql in kept:
                connection.execute(sql)

    return run


def plain(script: str) -> Break:
    def run(work: Workplace) -> None:
        with closing(sqlite3.connect(work.database, isolation_level=None)) as connection:
            connection.executescript(script)

    return run


def attempt(prompt: int, stage: str, session: str = "one") -> str:
    """A live attempt that nobody made."""
    return f"""INSERT INTO attempts (prompt_id, host, session, number, stage, socket, server_pid,
        server_start, pane_id, pane_pid, claimed_at, typed_at, submitted_at, updated_at, updated_by)
        SELECT {prompt}, host, '{session}', coalesce((SELECT max(number) FROM attempts
            WHERE prompt_id = {prompt}), 0) + 1, '{stage}', socket, server_pid, server_start,
            pane_id, pane_pid, claimed_at, claimed_at, claimed_at, updated_at, updated_by
        FROM attempts WHERE id = 1;"""


def overwrite(work: Workplace, table: str) -> None:
    """One page of a table or an index is no page any more."""
    with closing(sqlite3.connect(work.database)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        try:
            (page,) = connection.execute(
                "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (table,)
            ).fetchone()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no dbstat, which tells where a table's pages are")
    with work.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"U" * size)


def mode(name: str, value: int) -> Break:
    return lambda work: (work.state / name).chmod(value)


def secret(work: Workplace) -> None:
    next((work.state / "secrets").iterdir()).chmod(0o640)


def lock_directory(work: Workplace) -> None:
    (work.state / "lock").unlink()
    (work.state / "lock").mkdir()


BROKEN: dict[str, tuple[Break, str, str, str]] = {
    "state directory": (mode("", 0o777), "state directory", "mode 0777", "mode 0700"),
    "spool": (mode("spool", 0o770), "state directory", "mode 0770", "mode 0700"),
    "own mode": (mode("run", 0o500), "state directory", "mode 0500", "mode 0700"),
    "database": (mode("assigner.db", 0o644), "database file", "mode 0644", "mode 0600"),
    "secret": (secret, "files", "mode 0640", "mode 0600"),
    "missing": (lambda w: shutil.rmtree(w.state / "run"), "state directory", "missing", "created"),
    "lock": (lock_directory, "lock", "a directory", "removed"),
    "left over": (lambda w: (w.state / "run/1").mkdir(), "leftovers", "left over", "removed"),
    "journal": (interrupted, "database", "bytes", "rolled back"),
    "WAL": (plain("PRAGMA journal_mode = WAL"), "database", "WAL", "rollback journal"),
    "trigger": (plain("DROP TRIGGER attempts_claim"), "schema", "missing", "recreated"),
    "other trigger": (
        plain("""DROP TRIGGER prompts_delete_count; CREATE TRIGGER prompts_delete_count
              AFTER DELETE ON prompts BEGIN SELECT 1; END"""),
        "schema", "differs", "recreated",
    ),
    "view": (plain("DROP VIEW prompt_holds"), "schema", "missing", "recreated"),
    "index": (plain("DROP INDEX attempts_one_per_prompt"), "schema", "missing", "recreated"),
    "damaged index": (lambda w: overwrite(w, "prompts_open"), "integrity", "", "rebuilt"),
    "counts": (plain("UPDATE prompt_counts SET prompts = 7"), "counts", ": 7 ", "300"),
    "future": (
        plain(f"UPDATE heartbeats SET finished_at = '{FUTURE}'"), "timers", FUTURE, "2",
    ),
    "session": (
        plain("UPDATE sessions SET current_task_id = 9"), "sessions", "prompt 9", "no prompt",
    ),
    "tree": (
        plain("""INSERT INTO tree_leases (host, tree, taken_at)
              SELECT host, '/tree', created_at FROM prompts LIMIT 1"""),
        "left over", "no attempt uses it", "released",
    ),
    "held": (
        plain("UPDATE prompts SET held_by = 'dependency', held_on = 'prompt 1' WHERE id = 3"),
        "held", "held by dependency: prompt 1", "held by pause: everything",
    ),
    "not held": (
        plain("INSERT INTO dependencies VALUES (9, 8)"),
        "dependencies", "held by pause: everything", "held by dependency: prompt 8",
    ),
    "no attempt": (
        execute("UPDATE prompts SET status = 'in_progress', assigned_session = 'one',"
                " held_by = NULL WHERE id = 2"),
        "prompts", "in_progress", "failed: unverified: its attempt is lost, and may have run",
    ),
    "waiting, and typed": (
        execute(attempt(2, "typed")), "prompts", "pending", "failed: unverified: ",
    ),
    "waiting, and claimed": (
        execute(attempt(2, "claimed")), "attempts", "attempt 2 is claimed", "released",
    ),
    "two at once": (
        plain("DROP INDEX attempts_one_per_prompt; DROP INDEX attempts_one_per_session;"
              "DROP TRIGGER attempts_claim;" + attempt(2, "typed") + attempt(2, "claimed")),
        "prompts", "assigned", "failed: unverified: ",
    ),
    "retry of what may have run": (
        execute(f"""UPDATE attempts SET outcome = 'unverified';
                UPDATE prompts SET status = 'failed', retry_at = '{FUTURE}' WHERE id = 1"""),
        "retries", FUTURE, "no planned retry",
    ),
    "another session": (
        execute(attempt(2, "claimed") + "UPDATE prompts SET status = 'assigned', attempts = 1,"
                " held_by = NULL, assigned_session = 'two' WHERE id = 2"),
        "prompts", "assigned", "pending",
    ),
    "another branch": (
        execute("INSERT INTO tree_leases (host, tree, branch, taken_at)"
                " SELECT host, '/tree', 'main', created_at FROM prompts LIMIT 1;"
                + attempt(2, "typed") + "UPDATE attempts SET lease_id = 1 WHERE id = 2;"
                "UPDATE prompts SET status = 'assigned', held_by = NULL, git_branch = 'topic',"
                " assigned_session = 'one' WHERE id = 2"),
        "trees", "wants branch topic", "unverified",
    ),
    "settled while its prompt is open": (
        plain("INSERT INTO profile_work (prompt_id, host, session, kind, title, assigned_at,"
              " settled_at) SELECT id, host, 'one', 'given', 'x', created_at, created_at"
              " FROM prompts WHERE id = 2"),
        "foundation", "settled", "open",
    ),
    "check without its attempt": (
        execute("""INSERT INTO checks (id, command, directory, seconds, pending_result,
                wanted_at, updated_at, updated_by)
                SELECT id, 'true', '/', 1, '{}', claimed_at, updated_at, updated_by
                FROM attempts"""),
        "verdicts", "wanted", "cancelled",
    ),
}  # fmt: skip


def in_goals(script: str) -> Break:
    def run(work: Workplace) -> None:
        with closing(sqlite3.connect(work.state / "goals.db", isolation_level=None)) as connection:
            connection.executescript(script)

    return run


def damaged_goals_index(work: Workplace) -> None:
    path = work.state / "goals.db"
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'tasks_open'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"U" * 4096)


BROKEN_GOALS: dict[str, tuple[Break, str, str]] = {
    "mode": (lambda work: (work.state / "goals.db").chmod(0o644), "mode 0644", "mode 0600"),
    "WAL": (in_goals("PRAGMA journal_mode = WAL"), "WAL", "rollback journal"),
    "index": (in_goals("DROP INDEX tasks_goal"), "missing", "recreated"),
    "damaged index": (damaged_goals_index, "", "rebuilt"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN_GOALS)
def test_goals_are_repaired_in_place(used: Workplace, case: str) -> None:
    used.tool("goals", "add-task", "something")
    damage, before, after = BROKEN_GOALS[case]
    damage(used)
    was = contents(used)
    mended(used, "--dry-run")
    assert contents(used) == was
    rows = [row for row in mended(used) if row["check"] == "goals"]
    assert [r for r in rows if before in r["before"] and after in r["after"]], rows
    assert mended(used, status=0) == []
    kept = list(used.state.glob("goals.db.before-repair-*"))
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600] * (case != "mode")
    assert used.tool("goals", "list", "--json").json[0]["content"] == "something"


def test_damaged_goals_are_left_to_recover(used: Workplace) -> None:
    used.tool("goals", "add-task", "something")
    path = used.state / "goals.db"
    with path.open("r+b") as file:
        file.write(b"U" * 100)
    before = path.read_bytes()
    rows = used.tool("doctor", "--repair", "--json", status=1).json
    (row,) = [row for row in rows if row["check"] == "goals"]
    assert row["command"] == f"assigner doctor --recover {used.database}.new"
    assert path.read_bytes() == before


def mended(work: Workplace, *args: object, status: Any = (0, 1)) -> list[dict[str, str]]:
    """What --repair mends, without what it leaves to a person."""
    rows = work.tool("doctor", "--repair", "--json", *args, status=status).json
    assert all(list(row) == ["check", "what", "before", "after", "command"] for row in rows)
    return [row for row in rows if row["after"]]


def contents(work: Workplace) -> dict[str, Any]:
    paths = (path for path in work.state.rglob("*") if "before-repair" not in path.name)
    return {
        str(path): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in (work.state, *paths)
    }


def bad(work: Workplace) -> list[dict[str, str]]:
    rows = work.tool("doctor", "--json", status=None).json
    return [row for row in rows if row["verdict"] == "bad"]


def copies(work: Workplace) -> list[Path]:
    return list(work.state.glob("assigner.db.before-repair-*"))


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_mended(used: Workplace, case: str) -> None:
    damage, check, before, after = BROKEN[case]
    damage(used)
    was = contents(used)
    told = mended(used, "--dry-run")
    assert contents(used) == was and not copies(used)
    rows = mended(used)
    assert [
        r for r in rows if r["check"] == check and before in r["before"] and after in r["after"]
    ]
    if check != "integrity":  # which takes the file to be written
        assert {(row["check"], row["what"]) for row in told} <= {
            (row["check"], row["what"]) for row in rows
        }
    now = contents(used)
    assert mended(used, status=0) == []  # nor is anything bad
    assert contents(used).keys() == now.keys()
    is_of_database = was[str(used.database)][1] != now[str(used.database)][1]
    assert len(copies(used)) == (is_of_database and case != "journal")


def test_copy_is_of_what_was_there_before(used: Workplace) -> None:
    plain("UPDATE prompt_counts SET prompts = 7")(used)
    used.tool("pause", "one")
    said = used.tool("doctor", "--repair").err
    (copy,) = copies(used)
    assert str(copy) in said
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT DISTINCT prompts FROM prompt_counts").fetchall() == [(7,)]
        assert b"hush" not in copy.read_bytes()


def test_what_only_a_person_can_decide(used: Workplace) -> None:
    (used.state / "secrets/link").symlink_to("/etc/passwd")
    shutil.rmtree(used.state / "run")
    (used.state / "run").symlink_to("/tmp")
    result = used.tool("doctor", "--repair", "--json", status=78)
    rows = {row["check"]: row for row in result.json}
    assert rows["state directory"]["command"] == f"rm {used.state}/run"
    assert rows["state directory"]["after"] == ""
    assert rows["files"]["command"].startswith("find ")
    (used.state / "run").unlink()
    overwrite(used, "prompts")
    before = used.database.read_bytes()
    rows = {r["check"]: r for r in used.tool("doctor", "--repair", "--json", status=1).json}
    assert rows["integrity"]["command"] == f"assigner doctor --recover {used.database}.new"
    assert used.database.read_bytes() == before


def test_nothing_is_mended_while_a_pass_runs(used: Workplace) -> None:
    plain("UPDATE prompt_counts SET prompts = 7")(used)
    (used.state / "spool").chmod(0o770)
    before = used.database.read_bytes()
    with (used.state / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = used.tool("doctor", "--repair", "--json", "--wait", 0, status=75)
    assert [row["after"] for row in result.json if row["after"]] == ["mode 0700"]
    assert used.database.read_bytes() == before


def test_what_may_have_run_does_not_run_again(work: Workplace) -> None:
    """Its attempt is lost while it runs: nobody types it a second time."""
    pane = work.enrolled("one")
    log = work.path / "log"
    work.tool("send", f"echo ran >>{log}; sleep 1000")
    work.run_until(log.exists)
    work.run_until(lambda: work.prompt(1)["status"] == "in_progress")
    execute("DELETE FROM attempts")(work)
    assert [row["what"] for row in mended(work)] == ["prompt 1", "session one", "run 1"]
    pane.keys("C-c")
    pane.wait_for_prompt()
    work.tool("send", f"echo after >>{log}")
    work.run_until(lambda: work.prompt(2)["status"] == "completed")
    assert log.read_text() == "ran\nafter\n"
    assert work.prompt(1)["error"].startswith("unverified")


def test_a_slow_context_is_nothing_to_mend(work: Workplace) -> None:
    """It was submitted, and does not run yet."""
    work.enrolled("one")
    go = work.path / "go"
    os.mkfifo(go)
    work.tool("send", "true", "--prereq", f"read x <{go}")
    work.run_until(lambda: work.row("SELECT stage FROM attempts")["stage"] == "submitted")
    assert work.prompt(1)["status"] == "assigned"
    assert bad(work) == []
    assert mended(work) == []
    go.write_text("x\n")
    work.run_until(lambda: work.prompt(1)["status"] == "completed")

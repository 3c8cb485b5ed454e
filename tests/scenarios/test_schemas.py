"""Databases of every earlier schema are migrated, and their work continues."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from assigner.store import statements
from harness.machine import broken
from harness.workplace import Workplace

SCHEMAS = Path(__file__).parents[1] / "data" / "schemas"
VERSIONS = sorted(SCHEMAS.glob("queue-*.sql"))


def restore(work: Workplace, kept: Path, name: str) -> None:
    """The database as it was kept, of this workplace's tmux server and log."""
    path = work.state / name
    text = kept.read_text().replace("@SOCKET@", str(work.socket))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(text.replace("@LOG@", str(work.path / "log")))
    path.chmod(0o600)


def test_every_schema_is_kept() -> None:
    for kind, name in (("migrations", "queue"), ("goals", "goals")):
        numbers = [title.partition("-")[0] for title, _ in statements.migrations(kind)]
        assert [path.stem for path in sorted(SCHEMAS.glob(f"{name}-*.sql"))] == [
            f"{name}-{number}" for number in numbers
        ], "tests/data/schemas/make.py keeps one"


@pytest.mark.parametrize("kept", VERSIONS, ids=lambda path: path.stem)
def test_work_of_an_earlier_schema_goes_on(work: Workplace, kept: Path) -> None:
    work.environment |= {"ASSIGNER_HOST": "here", "ASSIGNER_SESSIONS": "one"}
    version = int(kept.stem[-4:])
    work.tool("status")
    work.database.unlink()
    restore(work, kept, "assigner.db")
    for attempt in (6, 7):
        (work.state / f"run/{attempt}").mkdir()
    work.shell("one")
    told = [row for row in work.tool("doctor", "--json").json if row["check"] == "database"]
    if version < len(VERSIONS):
        assert f"schema {version} of {len(VERSIONS)}" in told[0]["detail"]
    work.tool("status")
    assert work.row("PRAGMA user_version")["user_version"] == len(VERSIONS)
    assert broken(work) == []
    assert work.row("SELECT count(*) AS n FROM attempts")["n"] == 5
    work.tick(until=40)

    ran = (work.path / "log").read_text().splitlines()
    # 5 was to be tried again in 2199: no back-off is that long, so the clock was set back
    runs = [2, 3, 4, 5, 6, 9] + [11] * (version >= 3) + [12] * (version >= 4)
    wanted = [str(n) for n in runs] + ["12 checked"] * (version >= 4)
    assert sorted(ran) == sorted(wanted)
    status = {row["id"]: row for row in work.rows("SELECT * FROM prompts")}
    assert {id for id, row in status.items() if row["status"] == "completed"} == {1, *runs}
    failed = status[7]
    assert failed["status"] == "failed"
    assert failed["error"].startswith("check: " if version >= 4 else "vanished: ")
    held = {8: "target missing", 10: "pause", 13: "dependency"}
    assert {id: row["held_by"] for id, row in status.items() if row["status"] == "pending"} == {
        id: reason for id, reason in held.items() if id in status
    }
    assert broken(work) == []
    assert not [r for r in work.tool("doctor", "--json").json if r["verdict"] == "bad"]
    if version >= 4:
        work.tool("review", "approve", 1)
        work.tick(until=40)
        assert work.prompt(13)["status"] == "completed"


def test_goals_of_an_earlier_schema_go_on(work: Workplace) -> None:
    work.tool("goals", "init")
    (work.state / "goals.db").unlink()
    restore(work, SCHEMAS / "goals-0001.sql", "goals.db")
    assert tasks(work) == {1: "pending", 2: "in_progress", 3: "failed", 4: "completed"}
    listed = work.tool("goals", "list", "--json").json
    assert {row["content"] for row in listed} == {"waits", "runs"}
    work.tool("goals", "retry", 3)
    work.tool("goals", "add-task", "more", "--goal", 1)
    work.tool("goals", "drop", 1)
    now = {1: "cancelled", 2: "in_progress", 3: "pending", 4: "completed", 5: "pending"}
    assert tasks(work) == now


def tasks(work: Workplace) -> dict[int, str]:
    with closing(sqlite3.connect(work.state / "goals.db")) as connection:
        return dict(connection.execute("SELECT id, status FROM tasks"))

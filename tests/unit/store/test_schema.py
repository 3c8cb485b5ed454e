"""The generated schema files, and how migrations are applied."""

import runpy
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from assigner.config import Settings
from assigner.errors import SetupError
from assigner.store import database, schema, statements
from harness.workplace import ROOT

VERSION = statements.VERSION_ZERO + len(statements.migrations("migrations"))
GENERATOR = runpy.run_path(str(ROOT / "tools/schema.py"))


@pytest.mark.parametrize("kind", GENERATOR["FILES"])
def test_schema_file_is_what_the_migrations_make(kind: str) -> None:
    file = ROOT / "sql" / GENERATOR["FILES"][kind]
    assert file.read_text() == GENERATOR["schema"](kind), "run: make schema"


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of sql/ with one more migration of the queue, used instead of the original."""
    copy = tmp_path / "sql"
    shutil.copytree(statements.ROOT, copy)
    last = copy / "migrations/9999-last.sql"
    last.write_text("ALTER TABLE prompts ADD COLUMN extra TEXT; CREATE TABLE more (x INTEGER);")
    monkeypatch.setattr(statements, "ROOT", copy)
    return last


@pytest.fixture
def first(tmp_path: Path) -> Settings:
    """A database with today's migrations, and a prompt."""
    settings = Settings(tmp_path, tmp_path / "assigner.db", sockets=(), host="here")
    with closing(database.connect(settings, "test").connection) as connection:
        connection.execute(
            "INSERT INTO prompts (host, content, created_at, ready_at, updated_at, updated_by)"
            " VALUES ('here', 'kept', '1', '1', '1', 'test')"
        )
    return settings


def test_a_later_migration_keeps_the_rows(first: Settings, later: Path) -> None:
    store = database.connect(first, "test")
    with closing(store.connection):
        assert database.versions(store) == (VERSION + 1, VERSION + 1)
        rows = store.execute("SELECT content, extra FROM prompts").fetchall()
        assert rows == [{"content": "kept", "extra": None}]
        assert schema.misshapen(store, schema.wanted_schema()) == {}


def test_a_migration_that_fails_changes_nothing(first: Settings, later: Path) -> None:
    before = first.database.read_bytes()
    later.write_text("CREATE TABLE more (x INTEGER); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        database.connect(first, "test")
    with closing(sqlite3.connect(first.database)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        assert "more" not in names
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert first.database.read_bytes() == before


@pytest.mark.parametrize("version", [1, 6, 100])
def test_a_database_from_before_the_first_release_is_left_alone(
    first: Settings, version: int
) -> None:
    with closing(sqlite3.connect(first.database)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    before = first.database.read_bytes()
    with pytest.raises(SetupError, match="from before assigner 0"):
        database.connect(first, "test")
    assert first.database.read_bytes() == before

"""A dry run sees its own work, and keeps nothing of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from assigner.config import Settings
from assigner.errors import BusyError
from assigner.store import database, rehearsal


@pytest.fixture
def dry(tmp_path: Path) -> Iterator[database.Store]:
    settings = Settings(tmp_path, tmp_path / "assigner.db", sockets=(), host="here")
    database.connect(settings, "test").connection.close()
    store = rehearsal.connect(settings, "test")
    with closing(store.connection):
        yield store


def names(store: database.Store) -> set[str]:
    return {row["name"] for row in store.execute("SELECT name FROM meta")} - {"instance"}


def test_what_is_done_is_seen_and_not_kept(dry: database.Store) -> None:
    before = dry.settings.database.read_bytes()
    with dry.transaction():
        dry.insert("meta", {"name": "one", "value": ""})
    dry.insert("meta", {"name": "two", "value": ""})
    with pytest.raises(ZeroDivisionError), dry.transaction():
        dry.insert("meta", {"name": "three", "value": ""})
        1 / 0  # noqa: B018
    assert names(dry) == {"one", "two"}
    assert not dry.connection.in_transaction
    assert dry.settings.database.read_bytes() == before
    assert list(dry.settings.home.iterdir()) == [dry.settings.database]


def test_what_others_have_made_impossible_is_told(dry: database.Store) -> None:
    dry.insert("meta", {"name": "one", "value": ""})
    with closing(sqlite3.connect(dry.settings.database)) as other:
        other.execute("INSERT INTO meta VALUES ('one', '')")
        other.commit()
    with pytest.raises(BusyError):
        names(dry)

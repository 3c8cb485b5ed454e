"""The audit trail takes only known types."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from assigner.config import Settings
from assigner.queue import events
from assigner.store import database


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    settings = Settings(tmp_path, tmp_path / "assigner.db", sockets=(), host="here")
    unknown: Any = "prompt.lsot"
    with contextlib.closing(database.connect(settings, "test").connection) as connection:
        store = database.Store(connection, settings, "test")
        events.record(store, "prompt.waiting", {})
        with pytest.raises(sqlite3.IntegrityError):
            events.record(store, unknown, {})
        assert [row["type"] for row in store.execute("SELECT type FROM task_events")] == [
            "prompt.waiting"
        ]

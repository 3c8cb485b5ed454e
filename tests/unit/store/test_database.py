"""The database: who wants to write waits for others, but not for one who has got stuck."""

import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from assigner.config import Settings
from assigner.errors import AssignerError, BusyError, SetupError
from assigner.store import database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[database.Store]:
    """One that waits a tenth of a second for each who writes."""
    settings = Settings(tmp_path, tmp_path / "assigner.db", sockets=(), host="here")
    with closing(database.connection_to(settings.database, patience=0.1)) as connection:
        yield database.Store(connection, settings, "test")


def test_many_who_write_are_waited_for(store: database.Store) -> None:
    tried: queue.Queue[str] = queue.Queue()
    at_work = threading.Event()

    def others() -> None:
        path = store.settings.database
        with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            at_work.set()
            for number in range(12):  # statements of who waits, three or so to a try
                if tried.get(timeout=20) == "done":
                    break
                connection.execute("INSERT INTO meta VALUES (?, '')", (str(number),))
                connection.execute("COMMIT")
                connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")

    writing = threading.Thread(target=others)
    writing.start()
    assert at_work.wait(20)
    store.connection.set_trace_callback(tried.put)
    with store.transaction():
        pass
    tried.put("done")
    writing.join(20)
    assert not writing.is_alive()


def test_one_who_does_not_come_to_an_end_is_not_waited_for(store: database.Store) -> None:
    with closing(sqlite3.connect(store.settings.database, isolation_level=None)) as stuck:
        stuck.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"), store.transaction():
            pass


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, BusyError),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, BusyError),
        (sqlite3.SQLITE_LOCKED, BusyError),
        (sqlite3.SQLITE_READONLY_DIRECTORY, SetupError),
        (sqlite3.SQLITE_CORRUPT_INDEX, SetupError),
        (sqlite3.SQLITE_NOTADB, SetupError),
        (sqlite3.SQLITE_ERROR, SetupError),
        (sqlite3.SQLITE_CANTOPEN, SetupError),
        (sqlite3.SQLITE_FULL, AssignerError),
        (sqlite3.SQLITE_IOERR_WRITE, AssignerError),
        (None, AssignerError),
    ],
)
def test_the_code_of_an_error_decides_what_it_means(code: int | None, kind: type) -> None:
    error = sqlite3.OperationalError("locked, full, readonly, malformed: words decide nothing")
    if code is not None:
        error.sqlite_errorcode = code
    assert type(database.failure("x", error)) is kind

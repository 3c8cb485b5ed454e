"""doctor --recover: every row that can be read of a damaged database, in a new one.

A table is read by its row ids from both ends; what lies between two damaged pages is asked id by
id, as an index names them.  Where not even the schema can be read, a copy of the pages is put
below a new one (rerooting.py).
Pages to which nothing leads any more are left alone: they may hold what rows once were, and a
prompt that has run since must not wait again.
"""

import contextlib
import fcntl
import os
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from assigner import auditing, db, refilling, rerooting, saving, sql
from assigner.config import Settings
from assigner.db import Row, Store
from assigner.errors import AssignerError, BusyError, SetupError

COLUMNS = ("table", "salvaged", "lost", "detail")
NOTHING = "nothing of it can be read: put a backup back"
# SQLite's own lock for readers (https://www.sqlite.org/src/file/src/os.h, SHARED_FIRST)
SHARED_FIRST, SHARED_SIZE = 0x40000002, 510


def recover(
    settings: Settings, target: str, *, dry: bool, tell: Callable[[int, int], None]
) -> tuple[list[Row], list[str]]:
    """Write what can be read of the database to the new file `target`, which nothing replaces.

    Returns what was salvaged and lost, a row for each table, and what is left to be done; `tell`
    is called with how many tables are done, of how many.  The database is only read.  UsageError,
    SetupError, AssignerError: nothing is left then.
    """
    path = saving.destination(settings, target)
    if not settings.database.is_file():
        raise SetupError(f"no database at '{settings.database}'")
    if dry:
        return _rebuild(settings, settings.database.parent, ":memory:", tell), []
    with saving.aside(path) as new:
        try:
            rows = _rebuild(settings, path.parent, str(new), tell)
        except sqlite3.DatabaseError as error:  # the damaged one's are caught where it is read
            raise AssignerError(f"cannot write '{path}': {error}") from None
    old, mended = shlex.quote(str(settings.database)), shlex.quote(str(path))
    journal = f"; mv {old}-journal {old}.damaged-journal" if _journal(settings).exists() else ""
    steps = [
        f"what can be read is in '{path}'; '{settings.database}' is as it was",
        "to put it in place, stop the timers, then:",
        f"  mv {old} {old}.damaged{journal}",
        f"  mv {mended} {old}",
        "then look at it with doctor, queue and sessions before the first tick",
    ]
    return rows, steps


def _rebuild(
    settings: Settings, scratch: Path, new: str, tell: Callable[[int, int], None]
) -> list[Row]:
    place = replace(settings, database=Path(new))
    with contextlib.ExitStack() as stack:
        store = db.connect(place, "doctor", dry=new == ":memory:")
        stack.callback(store.connection.close)
        store.connection.set_progress_handler(lambda: 0, 100_000)  # lets signals be heard
        source = stack.enter_context(_source(settings, scratch, store))
        store.execute("PRAGMA synchronous = OFF")  # the whole file is synced at the end
        store.execute("PRAGMA foreign_keys = OFF")
        with store.transaction():
            rows = refilling.fill(store, source, tell)
            if not any(row["salvaged"] for row in rows):
                raise SetupError(NOTHING)
            return rows


# --- the damaged database -----------------------------------------------------------------------


@contextlib.contextmanager
def _source(settings: Settings, scratch: Path, store: Store) -> Iterator[sqlite3.Connection]:
    """The damaged database, readable as far as it can be, and locked against writers.

    A copy of it, below `scratch`, where a journal must be rolled back or the schema mended.
    """
    database = settings.database.resolve()
    logs = [path for path in saving.beside(database) if path.exists()]
    with database.open("rb") as file:
        is_wal = 2 in file.read(20)[18:]
    if not logs and not is_wal and (connection := _opened(database, "ro")):
        try:
            if _is_as_made(connection):
                yield connection
                return
        finally:
            connection.close()
    directory = scratch / f".{database.name[:200]}.{os.getpid()}.d"

    def remove() -> None:
        shutil.rmtree(directory, ignore_errors=True)

    with saving.on_signals(remove):
        try:
            directory.mkdir(mode=0o700)
            copy = directory / database.name
            with database.open("rb") as file:
                try:
                    fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, SHARED_SIZE, SHARED_FIRST)
                except OSError:
                    raise BusyError(f"'{database}' is being written: try again") from None
                shutil.copyfile(database, copy)
                for log in logs:
                    shutil.copyfile(log, directory / log.name)
            yield from _mended(copy, store)
        finally:
            remove()


def _journal(settings: Settings) -> Path:
    database = settings.database.resolve()
    return database.with_name(f"{database.name}-journal")


def _opened(path: Path, mode: str) -> sqlite3.Connection | None:
    """A connection with a read lock, where the schema can be read."""
    where = f"{path.as_uri()}?mode={mode}"
    connection = sqlite3.connect(where, uri=True, timeout=db.PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("BEGIN")
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise BusyError(f"'{path}' is kept locked by somebody: try again") from None
        return None
    if tables and not tables & {"_sqlite_migrations", "prompts", "attempts"}:
        connection.close()
        raise SetupError(f"'{path}' is a database, but not one of assigner")
    if version > len(sql.migrations()):
        connection.close()
        raise SetupError(f"'{path}' was written by a newer assigner: update assigner")
    if not tables:
        connection.close()
        return None
    return connection


def _is_as_made(connection: sqlite3.Connection) -> bool:
    """Whether the tables are those that the migrations have made: columns are known by their
    place, and half a statement may name others.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    there = auditing.schema(connection)
    wanted = auditing.wanted_schema(version)
    return all(there.get(n) == text for n, text in wanted.items() if n.startswith("table "))


def _mended(copy: Path, store: Store) -> Iterator[sqlite3.Connection]:
    """The copy opened: as it is, with a new header, below a new schema."""
    for mend in (_leave, _write_header, rerooting.reroot):
        mend(copy, store)
        if connection := _opened(copy, "rw"):
            try:
                if _is_as_made(connection):
                    yield connection
                    return
            finally:
                connection.close()
    raise SetupError(NOTHING)


def _leave(copy: Path, store: Store) -> None:
    """It may be that nothing but its journal was to be rolled back."""


def _write_header(copy: Path, store: Store) -> None:
    """A new database's header, for a file of this size, without a list of free pages."""
    fresh = store.connection.serialize()
    size = int.from_bytes(fresh[16:18], "big") or 65536
    header = bytearray(fresh[:100])
    header[28:32] = (copy.stat().st_size // size).to_bytes(4, "big")
    header[32:40] = bytes(8)
    header[92:96] = header[24:28]
    for log in saving.beside(copy):
        log.unlink(missing_ok=True)
    with copy.open("r+b") as file:
        file.write(header)

"""doctor --recover: every readable row of a damaged database, in a new one.

A table is read by its row ids from both ends.  Between two damaged pages it is asked id by id, as
an index names them.  Where not even the schema can be read, a copy of the pages is put below a new
one (rerooting.py).
Pages that nothing leads to are left alone: they may hold old versions of rows, and a prompt that
has run since must not wait again.
"""

import contextlib
import fcntl
import os
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from assigner.config import Settings
from assigner.doctor import recover_schema, salvage_rows
from assigner.errors import AssignerError, BusyError, SetupError
from assigner.maintenance import backup
from assigner.store import database as store_database
from assigner.store import databases, schema, statements
from assigner.store.database import Row, Store
from assigner.store.databases import Database

COLUMNS = ("database", "table", "salvaged", "lost", "detail")
NOTHING = "no row can be read: put a backup back"
# SQLite's own lock for readers (https://www.sqlite.org/src/file/src/os.h, SHARED_FIRST)
SHARED_FIRST, SHARED_SIZE = 0x40000002, 510
FILLS = {"queue": salvage_rows.fill, "goals": salvage_rows.fill_goals}


def recover(
    settings: Settings, target: str, *, dry: bool, tell: Callable[[int, int], None]
) -> tuple[list[Row], list[str]]:
    """Write all readable rows of the queue to a new file, `target`; of the goals to `target`.goals.

    Returns what was salvaged and lost, a row for each table, and the
    steps that are left to a person; `tell` is called with how many tables of a database are done,
    of how many.  The databases are only read.  One of which nothing can be read is a row of its
    own if there is another.  UsageError, SetupError, AssignerError: no file is left then.
    """
    path = backup.destination(settings, target)
    places = {"queue": path, "goals": path.with_name(path.name + backup.GOALS)}
    found = databases.existing(settings)
    if not found:
        raise SetupError(f"no database at '{settings.database}'")
    for database in found[1:]:
        backup.destination(settings, str(places[database.name]))
    rows: list[Row] = []
    steps: list[str] = []
    moves: list[str] = []
    hopeless: list[SetupError] = []
    with contextlib.ExitStack() as stack:
        for database in found:
            place = places[database.name]
            try:
                with contextlib.ExitStack() as file:
                    new = ":memory:" if dry else str(file.enter_context(backup.aside(place)))
                    rows += _rebuilt(settings, database, place, new, tell)
                    stack.push(file.pop_all())  # each file appears only when all are written
            except SetupError as error:
                hopeless.append(error)
                row = {"table": "", "salvaged": 0, "lost": 1, "detail": str(error)}
                rows.append({"database": database.name, **row})
                continue
            steps.append(f"the readable rows of '{database.path}' are in '{place}'")
            moves += _moves(database, place)
        if len(hopeless) == len(found):
            raise hopeless[0]
    if dry:
        return rows, []
    return rows, [
        *steps,
        "the old files are unchanged; to replace them, stop the timers, then:",
        *(f"  {move}" for move in moves),
        "then check them with doctor, queue, sessions and goals before the first tick",
    ]


def _moves(database: Database, place: Path) -> list[str]:
    """The commands that put the new file in the old one's place."""
    old, new = shlex.quote(str(database.path)), shlex.quote(str(place))
    journal = f"; mv {old}-journal {old}.damaged-journal" if _journal(database).exists() else ""
    return [f"mv {old} {old}.damaged{journal}", f"mv {new} {old}"]


def _rebuilt(
    settings: Settings, database: Database, place: Path, new: str, tell: Callable[[int, int], None]
) -> list[Row]:
    """The rows of the report on one database, whose readable rows are then in the file `new`."""
    scratch = database.path.parent if new == ":memory:" else place.parent
    try:
        rows = _rebuild(settings, database, scratch, new, tell)
    except sqlite3.DatabaseError as error:  # the damaged file's are caught where it is read
        raise AssignerError(f"cannot write '{place}': {error}") from None
    return [{"database": database.name, **row} for row in rows]


def _rebuild(
    settings: Settings, database: Database, scratch: Path, new: str,
    tell: Callable[[int, int], None],
) -> list[Row]:  # fmt: skip
    with contextlib.ExitStack() as stack:
        dry = new == ":memory:"
        connection = store_database.connection_to(Path(new), database.kind, dry=dry)
        stack.callback(connection.close)
        store = Store(connection, settings, "doctor", dry=dry)
        connection.set_progress_handler(lambda: 0, 100_000)  # lets a signal interrupt it
        source = stack.enter_context(_source(database, scratch, store))
        store.execute("PRAGMA synchronous = OFF")  # the whole file is synced at the end
        store.execute("PRAGMA foreign_keys = OFF")
        with store.transaction():
            rows = FILLS[database.name](store, source, tell)
            if not any(row["salvaged"] for row in rows):
                raise SetupError(f"'{database.path}': {NOTHING}")
            return rows


@contextlib.contextmanager
def _source(wanted: Database, scratch: Path, store: Store) -> Iterator[sqlite3.Connection]:
    """The damaged database, as readable as it can be, and locked against writers.

    A copy of it, below `scratch`, where a journal must be rolled back or the schema repaired.
    """
    database = wanted.path.resolve()
    logs = [path for path in backup.beside(database) if path.exists()]
    with database.open("rb") as file:
        is_wal = 2 in file.read(20)[18:]
    if not logs and not is_wal and (connection := _opened(wanted, database, "ro")):
        try:
            if _is_as_made(wanted, connection):
                yield connection
                return
        finally:
            connection.close()
    directory = scratch / f".{database.name[:200]}.{os.getpid()}.d"

    def remove() -> None:
        shutil.rmtree(directory, ignore_errors=True)

    with backup.on_signals(remove):
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
            yield from _repaired(wanted, copy, store)
        finally:
            remove()


def _journal(database: Database) -> Path:
    path = database.path.resolve()
    return path.with_name(f"{path.name}-journal")


def _opened(database: Database, path: Path, mode: str) -> sqlite3.Connection | None:
    """A connection with a read lock, where the schema can be read."""
    where = f"{path.as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        where, uri=True, timeout=store_database.PATIENCE, isolation_level=None
    )
    try:
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("BEGIN")
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise BusyError(f"another process keeps '{path}' locked: try again") from None
        return None
    try:
        if tables and not tables & database.tables:
            raise SetupError(f"'{path}' is a database, but not one of assigner")
        store_database.refuse_older(path, version)
        if version > statements.latest(database.kind):
            raise SetupError(f"'{path}' was written by a newer assigner: update assigner")
    except SetupError:
        connection.close()
        raise
    if not tables:
        connection.close()
        return None
    return connection


def _is_as_made(database: Database, connection: sqlite3.Connection) -> bool:
    """Whether the tables are those of the migrations: columns are read by position, and half a
    statement may name others.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    there = schema.schema(connection)
    wanted = schema.wanted_schema(version, database.kind)
    return all(there.get(n) == text for n, text in wanted.items() if n.startswith("table "))


def _repaired(database: Database, copy: Path, store: Store) -> Iterator[sqlite3.Connection]:
    """The copy opened: as it is, with a new header, below a new schema."""
    for repair in (_leave, _write_header, recover_schema.reroot):
        repair(copy, store)
        if connection := _opened(database, copy, "rw"):
            try:
                if _is_as_made(database, connection):
                    yield connection
                    return
            finally:
                connection.close()
    raise SetupError(f"'{database.path}': {NOTHING}")


def _leave(copy: Path, store: Store) -> None:
    """Perhaps only its journal had to be rolled back."""


def _write_header(copy: Path, store: Store) -> None:
    """Write the header of a new database, for a file of this size, without a list of free pages."""
    fresh = store.connection.serialize()
    size = int.from_bytes(fresh[16:18], "big") or 65536
    header = bytearray(fresh[:100])
    header[28:32] = (copy.stat().st_size // size).to_bytes(4, "big")
    header[32:40] = bytes(8)
    header[92:96] = header[24:28]
    for log in backup.beside(copy):
        log.unlink(missing_ok=True)
    with copy.open("r+b") as file:
        file.write(header)

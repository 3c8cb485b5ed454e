"""doctor --repair: repairs that can be made in place.

First whatever prevents a pass (modes, a directory in the place of the lock); then, holding the lock
of the passes, each database: its journal, indexes, triggers and rows; last, files that nothing
needs.  A copy is kept before a database is changed.
"""

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from assigner import clock, config
from assigner.doctor import case as doctor_case
from assigner.doctor import repair_rows
from assigner.doctor.case import Case
from assigner.doctor.repair_rows import repaired
from assigner.errors import SetupError
from assigner.maintenance import backup, cleanup
from assigner.store import database as store_database
from assigner.store import databases, lock, schema, state_dir, statements
from assigner.store.database import Row, Store
from assigner.store.databases import Database

COLUMNS = ("check", "what", "before", "after", "command")


class Repair:
    """One run: what was repaired, and copies of the databases from before.  SetupError."""

    def __init__(self, database: str | None, *, dry: bool) -> None:
        self.dry = dry
        self.rows: list[Row] = []
        for path in config.env_files():
            self.rows += _private("env file", path, 0o600, dry)
        self.settings = config.load(database)
        self.copies: dict[str, Path] = {}  # by the name of the database

    def run(self, wait: float) -> None:
        """Make every repair that is safe.  BusyError, SetupError."""
        self.rows += _surroundings(self.settings, self.dry)
        with contextlib.ExitStack() as stack:
            if not self.dry:
                state_dir.prepare(self.settings)
                stack.enter_context(lock.held(self.settings, wait))
            for database in (databases.queue(self.settings), databases.goals(self.settings)):
                if database is not None:
                    self._repair(database)

    def _repair(self, database: Database) -> None:
        try:
            if self._is_opened(database):
                self._repair_database(database)
        except sqlite3.DatabaseError as error:
            if not error.sqlite_errorname.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                raise store_database.failure(database.path, error) from None
            # `left` names the damage

    def left(self, case: Case) -> Iterator[Row]:
        """What only a person can decide, from the checks of `case`: each with its command."""
        done = {row["check"] for row in self.rows} if self.dry else set()
        for row in case.rows:
            if row["verdict"] != doctor_case.OK and row["check"] not in done:
                command = case.recover if row["command"] == case.repair else row["command"]
                yield {
                    "check": row["check"], "what": row["detail"], "before": row["verdict"],
                    "after": "", "command": command,
                }  # fmt: skip

    def _is_opened(self, database: Database) -> bool:
        """Roll back what a killed pass left, leave WAL mode; whether there are rows to check."""
        check = _check_of(database)
        path = database.path.resolve()
        if not path.is_file() or not path.stat().st_size:
            return False  # the next tool creates it
        with path.open("rb") as file:
            is_wal = 2 in file.read(20)[18:]
        journal = path.with_name(f"{path.name}-journal")
        left = journal.stat().st_size if journal.exists() else 0
        rolled_back = repaired(check, "journal", f"{left} bytes", "rolled back")
        changed = repaired(check, "journal mode", "WAL", "rollback journal")
        if self.dry and (left or is_wal):
            self.rows.append(changed if is_wal else rolled_back)
            return False
        with contextlib.closing(_connect(path)) as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if not database.tables <= names:
                raise SetupError(f"'{path}' is a database, but not one of assigner")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            store_database.refuse_older(path, version)
            if left and not (journal.exists() and journal.stat().st_size):
                self.rows.append(rolled_back)
            if is_wal:
                self._keep(database, connection)
                connection.execute("PRAGMA journal_mode = DELETE")
                self.rows.append(changed)
        return True

    def _repair_database(self, database: Database) -> None:
        if not self.dry:
            self._repair_indexes(database)
            self._migrate(database)
        connection = store_database.connection_to(database.path, database.kind, dry=self.dry)
        store = Store(connection, self.settings, "doctor", dry=self.dry)
        is_queue = database.name == "queue"
        with contextlib.closing(connection):
            store.execute("PRAGMA cache_spill = OFF")  # otherwise nobody could read while we write
            with store.transaction():
                found = list(_recreate(store, database))
                if is_queue:
                    found += [*repair_rows.settle(store), *_recreate(store, database)]
                if found and not self.dry:
                    # another connection reads the database as it was before this transaction
                    with contextlib.closing(_connect(database.path)) as before:
                        self._keep(database, before)
            self.rows += found
            if is_queue:
                self._remove_left_over(store)

    def _remove_left_over(self, store: Store) -> None:
        while removed := cleanup.left_over(store, apply=not self.dry):
            for row in removed:
                what = f"{row['kind']} {row['subject']}"
                self.rows.append(repaired("leftovers", what, row["detail"], "removed"))
            if self.dry:
                break

    def _migrate(self, database: Database) -> None:
        with contextlib.closing(_connect(database.path)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            latest = statements.latest(database.kind)
            if version < latest:
                self._keep(database, connection)
                store_database.connection_to(database.path, database.kind).close()
                row = repaired(_check_of(database), "schema", str(version), str(latest))
                self.rows.append(row)

    def _repair_indexes(self, database: Database) -> None:
        """Rebuild the indexes where every table can be read, but something else is damaged."""
        with contextlib.closing(_connect(database.path)) as connection:
            found = schema.damage(connection)
            if not found or schema.unreadable(connection):
                return
            self._keep(database, connection)
            if not _reindex(connection):
                _without_indexes(connection)
            left = schema.damage(connection)
        if not left:
            what = doctor_case.examples(found)
            check = "integrity" if database.name == "queue" else _check_of(database)
            self.rows.append(repaired(check, "indexes", what, "rebuilt"))

    def _keep(self, database: Database, connection: sqlite3.Connection) -> None:
        """Copy what is committed, page by page, whatever state it is in; once."""
        if database.name in self.copies:
            return
        real = database.path.resolve()
        now = clock.text(clock.now()).replace(":", "")
        path = real.with_name(f"{real.name}.before-repair-{now}")
        with backup.aside(path) as new, contextlib.closing(_connect(new)) as copy:
            connection.backup(copy)
        self.copies[database.name] = path


def _check_of(database: Database) -> str:
    """Under which name doctor checks the file."""
    return "database" if database.name == "queue" else database.name


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=store_database.PATIENCE, isolation_level=None
    )


def _surroundings(settings: config.Settings, dry: bool) -> Iterator[Row]:
    """Paths that others can read, or we cannot; missing directories; a directory named lock."""
    home, check = settings.home, "state directory"
    if home.is_dir():
        yield from _private(check, home.resolve(), 0o700, dry)
        for path in (settings.run, settings.spool, settings.secrets, settings.logs):
            yield from _private(check, path, 0o700, dry)
            if not os.path.lexists(path):  # files.prepare creates it
                yield repaired(check, path, "missing", "created")
        if (home / "lock").is_dir():
            with contextlib.suppress(OSError):  # a person's, if it is not empty
                if not dry:
                    (home / "lock").rmdir()
                yield repaired("lock", home / "lock", "a directory", "removed")
    for database in databases.existing(settings):
        check = "database file" if database.name == "queue" else database.name
        path = database.path.resolve()
        for file in (path, *backup.beside(path)):
            yield from _private(check, file, 0o600, dry)
    with contextlib.suppress(OSError):
        for path in sorted(settings.secrets.iterdir()):
            yield from _private("files", path, 0o600, dry)


def _private(check: str, path: Path, wanted: int, dry: bool) -> Iterator[Row]:
    """Give one of assigner's paths the mode that keeps other users out."""
    try:
        status = path.lstat()
    except OSError:
        return
    kind = stat.S_ISDIR if wanted == 0o700 else stat.S_ISREG
    if not kind(status.st_mode) or status.st_uid != os.geteuid():
        return
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077 or mode & wanted != wanted:
        if not dry:
            path.chmod(wanted)
        yield repaired(check, path, f"mode {mode:04o}", f"mode {wanted:04o}")


def _recreate(store: Store, database: Database) -> Iterator[Row]:
    """Create views, indexes and triggers as the schema has them, unless the rows forbid one."""
    check = "schema" if database.name == "queue" else _check_of(database)
    there = schema.schema(store.connection)
    for name, text in schema.wanted_schema(kind=database.kind).items():
        kind, _, title = name.partition(" ")
        if kind == "table" or there.get(name) == text:
            continue
        store.execute("SAVEPOINT part")
        try:
            if name in there:
                store.execute(f'DROP {kind} "{title}"')
            store.execute(text)
            yield repaired(check, name, "differs" if name in there else "missing", "recreated")
        except sqlite3.DatabaseError:  # two live attempts: settle them first
            store.execute("ROLLBACK TO part")
        finally:
            store.execute("RELEASE part")


def _reindex(connection: sqlite3.Connection) -> bool:
    """Rebuild the indexes in place; whether that worked."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("REINDEX")
        good = not schema.damage(connection)
    except sqlite3.DatabaseError:
        good = False
    connection.execute("COMMIT" if good else "ROLLBACK")
    return good


def _without_indexes(connection: sqlite3.Connection) -> None:
    """Rewrite the file from its tables; `_recreate` then makes the indexes from the schema.

    An index with damaged pages cannot be dropped: it is removed from the list of indexes.
    """
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("DELETE FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    connection.execute("PRAGMA writable_schema = RESET")
    connection.execute("VACUUM")

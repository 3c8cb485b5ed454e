"""doctor --repair: what can be mended where it is.

First what keeps a pass from being made at all (modes, a directory in the lock's place), then,
with the lock of the passes, the database: its journal, its indexes, its triggers and rows; at
last the files that nobody needs.  Before anything in the database is changed a copy is kept.
"""

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from assigner import auditing, checking, cleaning, clock, config, db, files, lock, saving, settling
from assigner import sql as statements
from assigner.checking import Case
from assigner.db import Row, Store
from assigner.errors import SetupError
from assigner.settling import mended

COLUMNS = ("check", "what", "before", "after", "command")


class Repair:
    """One run: what was mended, and the copy of the database as it was before.  SetupError."""

    def __init__(self, database: str | None, *, dry: bool) -> None:
        self.dry = dry
        self.rows: list[Row] = []
        for path in config.env_files():
            self.rows += _private("env file", path, 0o600, dry)
        self.settings = config.load(database)
        self.copy: Path | None = None

    def run(self, wait: float) -> None:
        """Mend what can be mended; what cannot stays as it is.  BusyError, SetupError."""
        self.rows += _surroundings(self.settings, self.dry)
        with contextlib.ExitStack() as stack:
            if not self.dry:
                files.prepare(self.settings)
                stack.enter_context(lock.held(self.settings, wait))
            try:
                if self._is_opened():
                    self._mend_database()
            except sqlite3.DatabaseError as error:
                if not error.sqlite_errorname.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                    raise  # what is damaged is told with what is left

    def left(self, case: Case) -> Iterator[Row]:
        """What only a person can decide, from the checks of `case`: each with its command."""
        done = {row["check"] for row in self.rows} if self.dry else set()
        for row in case.rows:
            if row["verdict"] != checking.OK and row["check"] not in done:
                command = case.recover if row["command"] == case.repair else row["command"]
                yield {
                    "check": row["check"], "what": row["detail"], "before": row["verdict"],
                    "after": "", "command": command,
                }  # fmt: skip

    def _is_opened(self) -> bool:
        """Roll back what a killed pass left, leave WAL; whether there are rows to be looked at."""
        path = self.settings.database.resolve()
        if not path.is_file() or not path.stat().st_size:
            return False  # the first tool that is run makes it
        with path.open("rb") as file:
            is_wal = 2 in file.read(20)[18:]
        journal = path.with_name(f"{path.name}-journal")
        left = journal.stat().st_size if journal.exists() else 0
        rolled_back = mended("database", "journal", f"{left} bytes", "rolled back")
        changed = mended("database", "journal mode", "WAL", "rollback journal")
        if self.dry and (left or is_wal):
            self.rows.append(changed if is_wal else rolled_back)
            return False
        with contextlib.closing(_connect(path)) as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if not {"_sqlite_migrations", "meta", "prompts"} <= names:
                raise SetupError(f"'{path}' is a database, but not one of assigner")
            if left and not (journal.exists() and journal.stat().st_size):
                self.rows.append(rolled_back)
            if is_wal:
                self._keep(connection)
                connection.execute("PRAGMA journal_mode = DELETE")
                self.rows.append(changed)
        return True

    def _mend_database(self) -> None:
        if not self.dry:
            self._mend_indexes()
            self._migrate()
        store = db.connect(self.settings, "doctor", dry=self.dry)
        with contextlib.closing(store.connection):
            store.execute("PRAGMA cache_spill = OFF")  # else nobody could read while we write
            with store.transaction():
                found = [*_recreate(store), *settling.settle(store), *_recreate(store)]
                if found and not self.dry:
                    # what is not committed is not in it: another connection reads what was
                    with contextlib.closing(_connect(self.settings.database)) as connection:
                        self._keep(connection)
            self.rows += found
            while removed := cleaning.left_over(store, apply=not self.dry):
                for row in removed:
                    what = f"{row['kind']} {row['subject']}"
                    self.rows.append(mended("leftovers", what, row["detail"], "removed"))
                if self.dry:
                    break

    def _migrate(self) -> None:
        with contextlib.closing(_connect(self.settings.database)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            latest = len(statements.migrations())
            if version < latest:
                self._keep(connection)
                db.connect(self.settings, "doctor").connection.close()
                self.rows.append(mended("database", "schema", str(version), str(latest)))

    def _mend_indexes(self) -> None:
        """Make the indexes anew where every table can be read, and something else is damaged."""
        with contextlib.closing(_connect(self.settings.database)) as connection:
            found = auditing.damage(connection)
            if not found or auditing.unreadable(connection):
                return
            self._keep(connection)
            if not _reindex(connection):
                _without_indexes(connection)
            left = auditing.damage(connection)
        if not left:
            what = checking.examples(found)
            self.rows.append(mended("integrity", "indexes", what, "made anew"))

    def _keep(self, connection: sqlite3.Connection) -> None:
        """Copy what is committed, page by page, whatever state it is in; once."""
        if self.copy:
            return
        database = self.settings.database.resolve()
        now = clock.text(clock.now()).replace(":", "")
        path = database.with_name(f"{database.name}.before-repair-{now}")
        with saving.aside(path) as new, contextlib.closing(_connect(new)) as copy:
            connection.backup(copy)
        self.copy = path


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=db.PATIENCE, isolation_level=None
    )


# --- modes ----------------------------------------------------------------------------------------


def _surroundings(settings: config.Settings, dry: bool) -> Iterator[Row]:
    """What others can get at, or we cannot; what is missing; what is in the lock's place."""
    home, check = settings.home, "state directory"
    if home.is_dir():
        yield from _private(check, home.resolve(), 0o700, dry)
        for path in (settings.run, settings.spool, settings.secrets, settings.logs):
            yield from _private(check, path, 0o700, dry)
            if not os.path.lexists(path):  # made by files.prepare
                yield mended(check, path, "missing", "made")
        if (home / "lock").is_dir():
            with contextlib.suppress(OSError):  # with something in it, it is a person's
                if not dry:
                    (home / "lock").rmdir()
                yield mended("lock", home / "lock", "a directory", "removed")
    database = settings.database.resolve()
    for path in (database, *saving.beside(database)):
        yield from _private("database file", path, 0o600, dry)
    with contextlib.suppress(OSError):
        for path in sorted(settings.secrets.iterdir()):
            yield from _private("files", path, 0o600, dry)


def _private(check: str, path: Path, wanted: int, dry: bool) -> Iterator[Row]:
    """Have one path of ours be ours alone."""
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
        yield mended(check, path, f"mode {mode:04o}", f"mode {wanted:04o}")


# --- the schema -----------------------------------------------------------------------------------


def _recreate(store: Store) -> Iterator[Row]:
    """Make views, indexes and triggers as they should be; what the rows refuse stays as it is."""
    there = auditing.schema(store.connection)
    for name, text in auditing.wanted_schema().items():
        kind, _, title = name.partition(" ")
        if kind == "table" or there.get(name) == text:
            continue
        store.execute("SAVEPOINT part")
        try:
            if name in there:
                store.execute(f'DROP {kind} "{title}"')
            store.execute(text)
            yield mended("schema", name, "differs" if name in there else "missing", "made anew")
        except sqlite3.DatabaseError:  # two live attempts: first they have to be settled
            store.execute("ROLLBACK TO part")
        finally:
            store.execute("RELEASE part")


def _reindex(connection: sqlite3.Connection) -> bool:
    """Make the indexes anew in their places; whether that could be done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("REINDEX")
        good = not auditing.damage(connection)
    except sqlite3.DatabaseError:
        good = False
    connection.execute("COMMIT" if good else "ROLLBACK")
    return good


def _without_indexes(connection: sqlite3.Connection) -> None:
    """Have the file written anew from its tables; the indexes are made again from the schema.

    An index whose pages are damaged cannot be dropped: it is taken out of the list of them.
    """
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("DELETE FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    connection.execute("PRAGMA writable_schema = RESET")
    connection.execute("VACUUM")

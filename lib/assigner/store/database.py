"""The database: opens it, migrates it, and runs named statements.

Rollback journal, synchronous=EXTRA, BEGIN IMMEDIATE, and a long timeout for other writers: one-shot
processes gain nothing from WAL, and SQLite before 3.51.3 can corrupt a WAL database.
"""

import contextlib
import functools
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from assigner import clock
from assigner.config import Settings
from assigner.errors import AssignerError, BusyError, SetupError
from assigner.store import statements
from assigner.system import private_files

if TYPE_CHECKING:
    from sqlite_utils import Database

    from assigner.store.rows import (
        Attempt,
        Check,
        FailedPrompt,
        LiveAttempt,
        OwnTree,
        Prompt,
        Session,
    )


Row = dict[str, Any]

PATIENCE = 10.0  # seconds to wait for one writer
_LONGEST = 120.0  # seconds to wait while many write in turn
# Files next to a database that SQLite reads and trusts
JOURNALS = ("-journal", "-wal", "-shm")
DIAGNOSIS = "; run 'assigner doctor'"


class Store:
    """One connection.  Every statement can use the values `:now`, `:host` and `:by`."""

    def __init__(
        self, connection: sqlite3.Connection, settings: Settings, actor: str, *, dry: bool = False
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.actor = actor
        self.dry = dry
        connection.row_factory = _row

    if TYPE_CHECKING:  # the queries whose rows have a type; a test compares it with their columns

        @overload
        def rows(self, name: Literal["attempts/live"], /, **v: Any) -> list[LiveAttempt]: ...
        @overload
        def rows(self, name: Literal["attempts/of_prompt"], /, **v: Any) -> list[Attempt]: ...
        @overload
        def rows(self, name: Literal["checks/of_prompt"], /, **v: Any) -> list[Check]: ...
        @overload
        def rows(self, name: Literal["prompts/failed"], /, **v: Any) -> list[FailedPrompt]: ...
        @overload
        def rows(
            self,
            name: Literal[
                "prompts/open", "prompts/ready_in_lane", "prompts/recent_failed", "prompts/reviews"
            ],
            /,
            **v: Any,
        ) -> list[Prompt]: ...
        @overload
        def rows(
            self, name: Literal["sessions/list", "sessions/ready", "sessions/stale"], /, **v: Any
        ) -> list[Session]: ...
        @overload
        def rows(self, name: Literal["prompts/with_worktree"], /, **v: Any) -> list[OwnTree]: ...
        @overload
        def rows(self, name: str, /, **v: Any) -> list[Row]: ...

    def rows(self, name: str, /, **values: Any) -> list[Any]:
        """All rows of sql/queries/NAME.sql."""
        return self.execute(statements.query(name), values).fetchall()

    if TYPE_CHECKING:

        @overload
        def one(self, name: Literal["prompts/get"], /, **v: Any) -> Prompt | None: ...
        @overload
        def one(self, name: Literal["sessions/get"], /, **v: Any) -> Session | None: ...
        @overload
        def one(self, name: Literal["attempts/live_of_prompt"], /, **v: Any) -> Attempt | None: ...
        @overload
        def one(self, name: str, /, **v: Any) -> Row | None: ...

    def one(self, name: str, /, **values: Any) -> Any:
        """The first row of sql/queries/NAME.sql; None if it returns none."""
        row: Row | None = self.execute(statements.query(name), values).fetchone()
        return row

    def run(self, name: str, /, **values: Any) -> int:
        """Execute sql/queries/NAME.sql.  Returns the number of rows that it changed."""
        return self.execute(statements.query(name), values).rowcount

    def run_many(self, name: str, /, rows: Iterable[Row]) -> None:
        """Execute sql/queries/NAME.sql for each of `rows`."""
        common = self._common()
        self.connection.executemany(statements.query(name), ({**common, **row} for row in rows))

    def execute(self, statement: str, values: Row | None = None) -> sqlite3.Cursor:
        """Execute a statement that the caller composed, such as one with filters."""
        return self._execute(statement, {**self._common(), **(values or {})})

    def insert(self, table: str, row: Row) -> int:
        """Insert one row with the given columns.  Returns its id."""
        cursor = self._execute(_insertion(table, *row), row)
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def update(self, table: str, key: int, /, **values: Any) -> None:
        """Set columns of the row with this id, and record which tool changed it and when."""
        values |= {"updated_at": clock.text(clock.now()), "updated_by": self.actor}
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        statement = f"UPDATE {table} SET {assignments} WHERE id = :id"  # noqa: S608 - our own names
        self._execute(statement, {**values, "id": key})

    @contextlib.contextmanager
    def tables(self) -> Iterator["Database"]:
        """This connection as a sqlite-utils Database, for tools other than the hot passes: the
        import costs 65 ms.

        In a transaction of the store it nests savepoints; outside, each of its writes is a
        transaction.  Do not use the store inside: sqlite-utils needs rows as tuples.
        """
        from sqlite_utils import Database

        self.connection.row_factory = None
        try:
            yield Database(self.connection, execute_plugins=False, recursive_triggers=False)
        finally:
            self.connection.row_factory = _row

    @contextlib.contextmanager
    def transaction(self) -> Iterator["Store"]:
        """Everything inside commits together or not at all.  Never call tmux or git inside.

        A nested transaction is a part of the outer one.
        """
        if self.connection.in_transaction:
            yield self
            return
        self._begin()
        try:
            yield self
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def _begin(self) -> None:
        """Begin a write transaction; keep waiting as long as other writers make progress."""
        until = time.monotonic() + _LONGEST
        while True:
            before = self._version()
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
                if not busy or self._version() == before or time.monotonic() > until:
                    raise

    def _version(self) -> int:
        """A number that changes whenever another connection has written."""
        return int(self.connection.execute("PRAGMA data_version").fetchone()["data_version"])

    @property
    def instance(self) -> str:
        """Eight hex digits that name this database and its tmux options."""
        row = self.one("meta/instance")
        assert row is not None
        return str(row["value"])

    def _execute(self, statement: str, values: Row) -> sqlite3.Cursor:
        """Execute; escape values that are not UTF-8, as paths and branches may be."""
        try:
            return self.connection.execute(statement, values)
        except UnicodeEncodeError:
            return self.connection.execute(
                statement, {name: _encodable(value) for name, value in values.items()}
            )

    def _common(self) -> Row:
        return {"now": clock.text(clock.now()), "host": self.settings.host, "by": self.actor}


def connect(settings: Settings, actor: str, *, dry: bool = False, create: bool = True) -> Store:
    """Open the database and migrate its schema.

    With `dry`, opens a copy in memory and changes nothing on disk, not even an empty file.  With
    `create` false a missing file is an error.  Raises SetupError for a file of another program.
    """
    connection = connection_to(settings.database, dry=dry, create=create)
    return Store(connection, settings, actor, dry=dry)


def connection_to(
    path: Path,
    kind: str = "migrations",
    *,
    dry: bool = False,
    create: bool = True,
    patience: float = PATIENCE,
) -> sqlite3.Connection:
    """Open a database with the schema of sql/KIND; see `connect` for the arguments."""
    # also true if a directory is unreadable: opening the file then raises the error
    missing = not os.path.exists(path)
    if missing and not create:
        raise SetupError(f"no database at '{path}'")
    _refuse_foreign(path)
    if missing and not dry:
        _create(path)
    connection = _open(Path(":memory:") if missing and dry else path, patience)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if dry:
            copy = _open(Path(":memory:"), patience)
            connection.backup(copy)
            connection.close()
            connection = copy
        latest = statements.latest(kind)
        if version > latest:
            raise SetupError(
                f"'{path}' was written by a newer assigner"
                f" (schema {version}, this one knows {latest}): update assigner"
            )
        refuse_older(path, version)
        if version < latest:
            _migrate(connection, path, kind, latest)
    except BaseException:
        connection.close()
        raise
    return connection


def refuse_older(path: Path, version: int) -> None:
    """Raise SetupError for the `user_version` of a database from before the first release."""
    if statements.is_older(version):
        raise SetupError(
            f"'{path}' is from before assigner 0.1.0 (schema {version}), and this version cannot"
            " read it: move it away, and a new one is made"
        )


def connection_to_present(path: Path) -> sqlite3.Connection:
    """Open an existing database, whatever its schema, without migrating it."""
    _refuse_foreign(path)
    return _open(path, PATIENCE)


def _refuse_foreign(path: Path) -> None:
    """Raise SetupError if the database, or a journal beside it, belongs to another user."""
    for file in (path, *(path.with_name(path.name + end) for end in JOURNALS)):
        private_files.refuse_foreign(file)


def peek(settings: Settings, actor: str) -> Store:
    """Open the database read-only, whatever its schema: creates, migrates and rolls back nothing.

    If the file cannot be read, the first statement raises sqlite3.Error.
    """
    where = f"{settings.database.as_uri()}?mode=ro"
    connection = sqlite3.connect(where, uri=True, timeout=PATIENCE, isolation_level=None)
    return Store(connection, settings, actor, dry=True)


def failure(path: object, error: sqlite3.Error) -> AssignerError:
    """The error to show to people for an error of the database at `path`."""
    match primary_code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return BusyError(f"'{path}' is busy: {error}; try again")
        case sqlite3.SQLITE_FULL:
            return AssignerError(f"'{path}': {error}: free some space; nothing was changed")
        case sqlite3.SQLITE_READONLY:
            return SetupError(f"'{path}' cannot be written: make it and its directory writable")
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return SetupError(f"'{path}' is damaged or not a database: {error}{DIAGNOSIS}")
        case sqlite3.SQLITE_ERROR:  # the statements are valid: tables or columns are missing
            return SetupError(f"'{path}' is a database of another program: {error}")
        case sqlite3.SQLITE_IOERR:
            return AssignerError(f"'{path}': {error}: check the disk; nothing was changed")
        case sqlite3.SQLITE_CANTOPEN:
            return SetupError(
                f"cannot open '{path}': make sure that it is a file you can read and write"
            )
    return AssignerError(f"'{path}': {error}")


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code (https://sqlite.org/rescode.html); None for an error that
    Python's module raises by itself.
    """
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def versions(store: Store, kind: str = "migrations") -> tuple[int, int]:
    """The schema version of the file, and the latest version in sql/KIND."""
    version = store.execute("PRAGMA user_version").fetchone()["user_version"]
    return version, statements.latest(kind)


def check(store: Store) -> list[str]:
    """Problems that SQLite finds in the file; empty if there are none."""
    found = [row["integrity_check"] for row in store.execute("PRAGMA integrity_check")]
    problems = [] if found == ["ok"] else found
    for row in store.execute("PRAGMA foreign_key_check"):
        problems.append(f"{row['table']} row {row['rowid']} refers to a missing {row['parent']}")
    return problems


def last_attempt(store: Store) -> int:
    """The highest attempt id that this database knows it has assigned; 0 if none."""
    given = store.execute(
        "SELECT max(coalesce((SELECT max(id) FROM attempts), 0),"
        " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'attempts'), 0)) AS id"
    ).fetchone()
    return int(given["id"])


def new_instance() -> str:
    """A new random name for a database."""
    return os.urandom(4).hex()


def _create(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        os.fchmod(descriptor, 0o600)
        os.close(descriptor)
    except OSError as error:
        raise SetupError(f"cannot create the database '{path}': {error.strerror}") from None


def _open(path: Path, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = EXTRA")
    return connection


def _migrate(connection: sqlite3.Connection, path: Path, kind: str, latest: int) -> None:
    """Apply the missing migrations, all or none, even if two processes try at once."""
    from sqlite_utils import (
        Database,
        Migrations,  # 65 ms, and only migrations need it
    )

    migrations = Migrations("assigner")
    for name, file in statements.migrations(kind):
        script = file.read_text(encoding="utf-8")
        migrations(name=name)(lambda db, script=script: db.executescript(script))
    connection.execute("BEGIN IMMEDIATE")
    try:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if tables and "_sqlite_migrations" not in tables:
            raise SetupError(f"'{path}' is a database of another program")
        migrations.apply(Database(connection, execute_plugins=False, recursive_triggers=False))
        connection.execute(
            "INSERT INTO meta (name, value) VALUES ('instance', ?) ON CONFLICT DO NOTHING",
            (new_instance(),),
        )
        connection.execute(f"PRAGMA user_version = {latest}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@functools.cache
def _insertion(table: str, *names: str) -> str:
    places = ", ".join(f":{name}" for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - our own


def _encodable(value: Any) -> Any:
    """The value; in a text each byte that is not UTF-8 is escaped, as `\\udcff`."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}

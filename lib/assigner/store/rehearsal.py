"""A dry run: a pass does its real work on the real database, which keeps no change.

Rolls back every transaction.  The next transaction first repeats the changes of the earlier ones:
so the pass sees its own work, and no transaction is open while tmux or git is asked.  Copies
nothing: a dry run over a million prompts costs as much as one over a single prompt.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from assigner.config import Settings
from assigner.errors import BusyError
from assigner.store import database, statements
from assigner.store.database import Row, Store


class Change(NamedTuple):
    """A statement that has changed rows, and its effect: the number of rows, and the new id."""

    statement: str
    values: Row
    effect: tuple[int, int | None]


# Statements whose new ids a pass uses; after any other one SQLite still returns an older id
_NUMBERED = tuple(f"INSERT INTO {table} (" for table in ("prompts", "attempts", "tree_leases"))


def _effect(statement: str, cursor: sqlite3.Cursor) -> tuple[int, int | None]:
    return cursor.rowcount, cursor.lastrowid if statement.startswith(_NUMBERED) else None


class Answer:
    """The result of a statement, read from its cursor before the transaction was rolled back."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        self._rows = iter(cursor.fetchall())

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)


def connect(settings: Settings, actor: str, *, create: bool = True) -> Store:
    """A store for a dry run.

    Works on a copy in memory if the file is missing, has an older schema, cannot be written or is
    in WAL mode: a rehearsal would change such a file, or could not use it.
    """
    path = settings.database
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return database.connect(settings, actor, dry=True, create=create)
    connection = database.connection_to_present(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if version != statements.latest() or mode == "wal":
        connection.close()
        return database.connect(settings, actor, dry=True, create=create)
    # SQLite keeps all changes in memory, so none reaches the file even if this process is killed
    connection.execute("PRAGMA journal_mode = MEMORY")
    connection.execute("PRAGMA cache_spill = OFF")
    return Rehearsal(connection, settings, actor)


class Rehearsal(Store):
    """A store that rolls back every change."""

    def __init__(self, connection: sqlite3.Connection, settings: Settings, actor: str) -> None:
        super().__init__(connection, settings, actor, dry=True)
        self._changes: list[Change] = []

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Store]:
        """Everything inside happens together or not at all, and lasts until the dry run ends."""
        if self.connection.in_transaction:
            yield self
            return
        before = len(self._changes)
        self._begin()
        try:
            self._again()
            yield self
        except BaseException:
            del self._changes[before:]
            raise
        finally:
            self._undo()

    def run_many(self, name: str, /, rows: Iterable[Row]) -> None:
        common = self._common()
        with self.transaction():
            for row in rows:
                self._execute(statements.query(name), {**common, **row})

    def _execute(self, statement: str, values: Row) -> Any:
        if self.connection.in_transaction:
            return self._noted(statement, values)
        if self._changes:
            with self.transaction():
                return Answer(self._noted(statement, values))
        self.connection.execute("BEGIN")  # reading does not lock other processes out
        try:
            return Answer(self._noted(statement, values))
        finally:
            self._undo()

    def _undo(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def _noted(self, statement: str, values: Row) -> sqlite3.Cursor:
        before = self.connection.total_changes
        cursor = super()._execute(statement, values)
        if self.connection.total_changes != before:
            self._changes.append(Change(statement, dict(values), _effect(statement, cursor)))
        return cursor

    def _again(self) -> None:
        """Repeat the earlier changes; BusyError if one now has another effect."""
        for statement, values, effect in self._changes:
            try:
                same = _effect(statement, super()._execute(statement, values)) == effect
            except sqlite3.IntegrityError:
                same = False
            if not same:
                raise BusyError(
                    f"another process changed '{self.settings.database}' just now; try again"
                )

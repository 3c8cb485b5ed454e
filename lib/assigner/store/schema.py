"""Compare the schema of a database file with the schema that the migrations make."""

import contextlib
import sqlite3
from collections.abc import Mapping

from assigner.store import database, statements

MAGIC = b"SQLite format 3\0"


def damage(connection: sqlite3.Connection) -> list[str]:
    """The problems that SQLite finds in the pages of the file; [] if there are none."""
    # a separate cursor returns tuples, even if the connection belongs to a store
    cursor = connection.cursor()
    cursor.row_factory = None
    found = []
    try:
        found += [str(text) for (text,) in cursor.execute("PRAGMA integrity_check(20)")]
    except sqlite3.DatabaseError as error:  # SQLite cannot continue after this damage
        if not error.sqlite_errorname.startswith("SQLITE_CORRUPT"):
            raise
        found.append(str(error))
    return [] if found == ["ok"] else found


def unreadable(connection: sqlite3.Connection) -> str | None:
    """Why a row of a table cannot be read; None if all rows are readable."""
    cursor = connection.cursor()
    cursor.row_factory = None
    tables = cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        try:
            for _ in cursor.execute(f'SELECT * FROM "{table}" NOT INDEXED'):  # noqa: S608
                pass
        except sqlite3.Error as error:
            return f"{table}: {str(error)[:60]}"
    return None


def schema(connection: sqlite3.Connection) -> dict[str, str]:
    """Each part of a database's schema (`trigger NAME`), with the statement that creates it."""
    cursor = connection.cursor()
    cursor.row_factory = None
    listing = "SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    return dict(cursor.execute(listing).fetchall())


def wanted_schema(version: int | None = None, kind: str = "migrations") -> dict[str, str]:
    """What the migrations of sql/KIND make of an empty database: all, or those up to `version`."""
    count = None if version is None else max(0, version - statements.VERSION_ZERO)
    with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
        for _, file in statements.migrations(kind)[:count]:
            fresh.executescript(file.read_text(encoding="utf-8"))
        return schema(fresh)


def misshapen(store: database.Store, wanted: Mapping[str, str]) -> dict[str, str]:
    """The differences of a store's schema from the `wanted_schema`, by part, in words.

    A missing trigger or index no longer guards its rule.
    """
    there = schema(store.connection)
    wrong = {name: f"{name} is missing" for name in wanted if name not in there}
    return wrong | {
        name: f"{name} differs" for name in wanted if there.get(name, wanted[name]) != wanted[name]
    }

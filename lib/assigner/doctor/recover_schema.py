"""The pages of a database below a schema that can be read again.

The schema has the first page of each table.  Where it is not readable, a table begins where it
does in a new database, unless the readable part shows another layout.  A table whose first page
is unknown is empty.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from assigner.store import schema
from assigner.store.database import Store

Roots = dict[tuple[str, str], int]  # by kind and name

# Types of pages (https://www.sqlite.org/fileformat2.html#b_tree_pages): of rows with an id, and
# of indexes and tables without
_ROWS, _KEYS = (0x0D, 0x05), (0x0A, 0x02)
# The table that names those whose first page is unknown
LOST = "assigner_lost"
_ROOTS = "SELECT type, name, rootpage, sql FROM sqlite_master WHERE rootpage > 0"


def reroot(copy: Path, store: Store) -> None:
    """Give the copy of a damaged database, which has a good header, the schema of `store`.

    Its own pages keep their places: those of the schema come after them.
    """
    (size,) = store.execute("PRAGMA page_size").fetchone().values()
    data = copy.read_bytes()
    number = len(data) // size
    made = copy.with_name(f"{copy.name}.made")
    with contextlib.closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {size}")
        connection.execute("CREATE TABLE filler (data)")
        connection.execute("INSERT INTO filler VALUES (zeroblob(?))", ((number + 2) * size,))
        for name, text in schema.schema(store.connection).items():
            if name.startswith(("table ", "index ")) and not name.startswith("table sqlite_"):
                connection.execute(text)
        connection.execute("ANALYZE sqlite_schema")
        roots = _roots(copy, data, size, store)
        connection.execute(f"CREATE TABLE {LOST} (name)")
        for kind, _, name in (place.partition(" ") for place in schema.schema(connection)):
            if kind == "table" and (kind, name) not in roots:
                connection.execute(f"INSERT INTO {LOST} VALUES (?)", (name,))  # noqa: S608
        connection.execute("PRAGMA writable_schema = ON")
        for (kind, name), root in roots.items():
            connection.execute(
                "UPDATE sqlite_master SET rootpage = ? WHERE type = ? AND name = ?",
                (root, kind, name),
            )
        connection.execute("DELETE FROM sqlite_master WHERE name = 'filler'")
        (version,) = store.execute("PRAGMA user_version").fetchone().values()
        connection.execute(f"PRAGMA user_version = {version}")
    with made.open("r+b") as file:
        file.seek(size)
        file.write(data[size : number * size])
    made.replace(copy)


def _roots(copy: Path, data: bytes, size: int, store: Store) -> Roots:
    """On which page each table and each index begins, as far as known."""
    cursor = store.connection.cursor()
    cursor.row_factory = None
    made = {(kind, name): (root, text) for kind, name, root, text in cursor.execute(_ROOTS)}
    known = {
        place: root
        for place, root, text in _readable(copy)
        if place in made and made[place][1] == text
    }
    if all(made[place][0] == root for place, root in known.items()):
        taken = set(known.values())
        known |= {
            place: root
            for place, (root, _) in made.items()
            if place not in known and root not in taken
        }
    keyed = _without_rowid(store)
    return {
        (kind, name): root
        for (kind, name), root in known.items()
        if 1 < root <= len(data) // size
        and data[(root - 1) * size] in (_KEYS if kind == "index" or name in keyed else _ROWS)
    }


def _without_rowid(store: Store) -> set[str]:
    return {r["name"] for r in store.execute("PRAGMA main.table_list").fetchall() if r["wr"]}


def _readable(copy: Path) -> Iterator[tuple[tuple[str, str], int, str | None]]:
    """What can be read of the schema, from both ends."""
    where = f"{copy.as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(where, uri=True, isolation_level=None)) as connection:
        with contextlib.suppress(sqlite3.DatabaseError):
            connection.execute("PRAGMA writable_schema = ON")  # half a schema is enough
        for order in ("rowid", "rowid DESC"):
            with contextlib.suppress(sqlite3.DatabaseError):
                for kind, name, root, text in connection.execute(f"{_ROOTS} ORDER BY {order}"):
                    yield (kind, name), root, text

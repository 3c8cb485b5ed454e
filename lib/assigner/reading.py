"""The rows of a damaged table, as far as they are readable."""

import bisect
import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SMALLEST, LARGEST = -(2**63), 2**63 - 1
PROBES = 20_000  # failed reads of parts of a table whose ids no index has

Values = tuple[Any, ...]


@dataclass
class Table:
    """One table of the damaged database, with the columns that the new one also has."""

    source: sqlite3.Connection
    name: str
    columns: list[str]
    key: list[str]  # empty where rows have a row id
    indexes: list[str]  # those that have all rows
    known: set[int] = field(default_factory=set)  # row ids, from the indexes
    all_known: bool = False
    damage: list[str] = field(default_factory=list)
    doubted: bool = False  # a row was found in the wrong place

    @property
    def listed(self) -> str:
        return ", ".join(f'"{name}"' for name in self.columns)


def rows(table: Table) -> Iterator[tuple[Any, Values]]:
    """Each row that can be read, once, with its row id or its key."""
    seen = set()
    for key, values in _by_key(table) if table.key else _by_rowid(table):
        if key not in seen:
            seen.add(key)
            yield key, values
    if not table.key and (table.damage or table.doubted or table.known - seen):
        yield from _passed_over(table, seen)


def _passed_over(table: Table, seen: set[int]) -> Iterator[tuple[int, Values]]:
    """What stands beside a damaged page, or behind rows that a wrong page has put before it."""
    left = table.known - seen
    # an index may have lost a page, too, where nobody can see it
    left |= set(range(1, min(max(seen | left, default=0), PROBES) + 1)) - seen
    for id in sorted(left):
        if values := row(table, id):
            yield id, values


def row(table: Table, id: int) -> Values:
    """The row to which the table's tree leads for that id; none where there is none."""
    text = f'SELECT {table.listed} FROM "{table.name}" WHERE rowid = ?'  # noqa: S608 - our own names
    with contextlib.suppress(sqlite3.DatabaseError):
        return tuple(table.source.execute(text, (id,)).fetchone() or ())
    return ()


def _by_key(table: Table) -> Iterator[tuple[Any, Values]]:
    """From both ends, by the table itself and by each index that has all its columns."""
    places = [table.columns.index(name) for name in table.key if name in table.columns]
    for index in (None, *table.indexes):
        by = f'INDEXED BY "{index}"' if index else ""
        order = ", ".join(f'"{name}"' for name in table.key)
        for direction in ("", " DESC"):
            text = f'SELECT {table.listed} FROM "{table.name}" {by}'  # noqa: S608 - our own names
            if not index:
                text += f" ORDER BY {order.replace(',', direction + ',')}{direction}"
            try:
                for values in table.source.execute(text):
                    yield tuple(values[place] for place in places), values
                if index is None:
                    return
            except sqlite3.DatabaseError as error:
                if index is None and not direction:
                    table.damage.append(f"unreadable in part: {error}")


def _by_rowid(table: Table) -> Iterator[tuple[int, Values]]:
    """From both ends, then what lies between: by the ids that indexes tell, else by halves."""
    table.known, table.all_known = _known(table)
    ids = sorted(table.known)
    text = (
        f'SELECT rowid, {table.listed} FROM "{table.name}"'  # noqa: S608 - our own names
        " WHERE rowid BETWEEN ? AND ? ORDER BY rowid"
    )
    ranges, probes = [(SMALLEST, LARGEST)], 0
    while ranges:
        low, high = ranges.pop()
        try:
            for id, *values in table.source.execute(text, (low, high)):
                if id < low:
                    raise sqlite3.DatabaseError("row ids do not rise")
                yield id, tuple(values)
                low = id + 1
            continue
        except sqlite3.DatabaseError as error:
            reason, table.doubted = str(error), True
        try:
            for id, *values in table.source.execute(f"{text} DESC", (low, high)):
                if id > high:
                    raise sqlite3.DatabaseError("row ids do not fall")
                yield id, tuple(values)
                high = id - 1
            continue
        except sqlite3.DatabaseError:
            probes += 1
        if probes == 1:
            table.damage.append(f"{_between(low, high)}: {reason}")
        if low >= high:
            continue
        if table.all_known:
            within = ids[bisect.bisect_left(ids, low) : bisect.bisect_right(ids, high)]
            ranges += [(id, id) for id in within if (id, id) != (low, high)]
        elif probes < PROBES:
            middle = (low + high) // 2
            ranges += [(middle + 1, high), (low, middle)]


def _between(low: int, high: int) -> str:
    if low == SMALLEST and high == LARGEST:
        return "everywhere"
    if low == SMALLEST:
        return f"up to id {high}"
    return f"from id {low}" + (f" to {high}" if high != LARGEST else " on")


def _known(table: Table) -> tuple[set[int], bool]:
    """The row ids that the indexes name, and whether one of them could be read to its end."""
    found: set[int] = set()
    for index in table.indexes:
        for direction in ("", " DESC"):
            text = (
                f'SELECT rowid FROM "{table.name}" INDEXED BY "{index}"'  # noqa: S608 - our own names
                f' ORDER BY "{_first_column(table, index)}"{direction}'
            )
            try:
                found.update(id for (id,) in table.source.execute(text))
                return found, True
            except sqlite3.DatabaseError:
                continue
    return found, False


def _first_column(table: Table, index: str) -> str:
    (name,) = table.source.execute(
        "SELECT name FROM pragma_index_info(?) WHERE seqno = 0", (index,)
    ).fetchone()
    return str(name)

"""doctor --recover: read every readable row of a damaged database and write it to a new one."""

import bisect
import contextlib
import sqlite3
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from assigner import clock
from assigner.doctor import recover_schema, repair_rows
from assigner.maintenance import instance
from assigner.store import database
from assigner.store.database import Row, Store

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
    """The rows beside a damaged page, or behind rows that a wrong page has put before them."""
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


# Written by migrations and triggers: written again, not read from the damaged file
MADE_ANEW = {"event_types", "prompt_transitions", "prompt_counts"}
_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


def fill(store: Store, source: sqlite3.Connection, tell: Callable[[int, int], None]) -> list[Row]:
    """Load every table of a queue, repair what the losses broke; what became of each table.

    `tell` is called with how many tables are done, of how many.  Call it in a transaction, with
    foreign keys off.
    """
    triggers = store.execute(_TRIGGERS).fetchall()
    for trigger in triggers:
        store.execute(f"DROP TRIGGER {trigger['name']}")
    report = _load_all(store, source, tell)
    _refer(store, {row["table"]: row for row in report})
    store.execute("DELETE FROM prompt_counts")
    store.execute(
        "INSERT INTO prompt_counts (host, status, prompts)"
        " SELECT host, status, count(*) FROM prompts GROUP BY host, status"
    )
    for trigger in triggers:
        store.execute(trigger["sql"])
    list(repair_rows.settle(store, "its attempt was lost with a damaged page, and may have run"))
    _continue_ids(store, source)
    return report


def fill_goals(
    store: Store, source: sqlite3.Connection, tell: Callable[[int, int], None]
) -> list[Row]:
    """As `fill`, for a database of goals.

    A task that waits for a lost one fails: whether that one was completed is not known.
    """
    report = _load_all(store, source, tell)
    store.execute(
        "UPDATE tasks SET status = 'failed', completed_at = :now, updated_at = :now,"
        " updated_by = :by, error = 'task ' || after_id || ', which it waits for, was lost with a"
        " damaged page' WHERE status = 'pending' AND after_id NOT IN (SELECT id FROM tasks)"
    )
    for table, column, other in (
        ("tasks", "after_id", "tasks"), ("tasks", "goal_id", "goals"),
        ("goals", "vision_id", "visions"),
    ):  # fmt: skip
        missing = f"{column} NOT IN (SELECT id FROM {other})"  # noqa: S608 - names from above
        store.execute(f"UPDATE {table} SET {column} = NULL WHERE {missing}")  # noqa: S608
    key, last = _known_to_the_queue(store)
    if not store.one("meta/instance"):
        store.insert("meta", {"name": "instance", "value": key or database.new_instance()})
    instance.raise_to(store, last, "tasks")
    _continue_sequences(store, source, ("tasks", "goals", "visions"))
    return report


def _known_to_the_queue(store: Store) -> tuple[str | None, int]:
    """The key of the goals of which the queue was last given a task, and the highest task id.

    With another key the queue would not know which of the tasks it has already.
    """
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(database.peek(store.settings, "doctor").connection) as connection,
    ):
        last = connection.execute(
            "SELECT goals, max(prompt_id) AS prompt,"
            " (SELECT max(CAST(task AS INTEGER)) FROM profile_work WHERE foreign_task = 0) AS id"
            " FROM profile_work WHERE goals IS NOT NULL AND foreign_task = 0"
        ).fetchone()
        return last["goals"], last["id"] or 0
    return None, 0


def _load_all(
    store: Store, source: sqlite3.Connection, tell: Callable[[int, int], None]
) -> list[Row]:
    store.execute("DELETE FROM meta")
    tables = list(_tables(store, source))
    report: list[Row] = []
    for table in tables:
        tell(len(report), len(tables))
        report.append(_load(store, table))
    return report


def _tables(store: Store, source: sqlite3.Connection) -> Iterator[Table]:
    lost = set()
    with contextlib.suppress(sqlite3.OperationalError):  # only a replaced schema has it
        lost = {name for (name,) in source.execute(f"SELECT name FROM {recover_schema.LOST}")}  # noqa: S608
    for row in store.execute("PRAGMA main.table_list").fetchall():
        name = row["name"]
        if row["type"] != "table" or name.startswith(("sqlite_", "_sqlite_")) or name in MADE_ANEW:
            continue
        wanted = store.execute(f"PRAGMA table_info({name})").fetchall()
        there = {info[1] for info in source.execute(f"PRAGMA table_info({name})")}
        columns = [info["name"] for info in wanted if info["name"] in there]
        key = [info["name"] for info in sorted(wanted, key=lambda i: i["pk"]) if info["pk"]]
        indexes = [i[1] for i in source.execute(f"PRAGMA index_list({name})") if not i[4]]
        damage = ["its first page is unknown"] if name in lost else []
        if row["wr"]:
            indexes = [i for i in indexes if "autoindex" not in i]
            yield Table(source, name, columns, key, indexes, damage=damage)
        elif columns:
            yield Table(source, name, columns, [], [] if damage else indexes, damage=damage)


def _load(store: Store, table: Table) -> Row:
    names, places = table.listed, ", ".join("?" * len(table.columns))
    text = f'INSERT INTO "{table.name}" ({names}) VALUES ({places})'  # noqa: S608 - our own names
    salvaged, refused = 0, []
    loaded = set()
    for key, values in rows(table) if table.columns else ():
        loaded.add(key)
        problem = _insert(store, text, values)
        if problem and not table.key and (again := row(table, key)) not in ((), values):
            # a damaged page held something like a row, under the id of another
            problem = _insert(store, text, again)
        if problem and (not table.all_known or key in table.known):
            refused.append(f"row {key}: {problem}")
        elif not problem:
            salvaged += 1
    unread = len(table.known - loaded)
    detail = [*table.damage, *refused[:3]]
    if unread and not table.damage:
        detail.insert(0, f"{unread} rows that an index names are missing")
    if table.damage and not table.all_known:
        detail.append("the number of lost rows is unknown")
    lost = unread + len(refused)
    if table.damage and not table.all_known:
        lost = max(lost, 1)
    return {
        "table": table.name, "salvaged": salvaged, "lost": lost, "detail": "; ".join(detail),
    }  # fmt: skip


def _insert(store: Store, text: str, values: Values) -> str | None:
    """Insert a row; the reason if the table does not accept it."""
    try:
        store.connection.execute(text, values)
    except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as error:
        return str(error)
    return None


def _refer(store: Store, report: dict[str, Row]) -> None:
    """Replace lost sessions that rows refer to; drop rows that refer to any other lost row."""
    now = {"updated_at": clock.text(clock.now()), "updated_by": store.actor}
    for row in store.execute(
        "SELECT DISTINCT host, session FROM attempts a WHERE NOT EXISTS"
        " (SELECT 1 FROM sessions s WHERE s.host = a.host AND s.name = a.session)"
    ).fetchall():
        lost = {"status": "offline", "status_reason": "lost with a damaged page: enroll it again"}
        store.insert("sessions", {"host": row["host"], "name": row["session"], **lost, **now})
    for table, condition in (
        ("attempts", "prompt_id NOT IN (SELECT id FROM prompts)"),
        ("checks", "id NOT IN (SELECT id FROM attempts)"),
        ("dependencies", "prompt_id NOT IN (SELECT id FROM prompts)"),
        ("dependencies", "after_id NOT IN (SELECT id FROM prompts)"),
        ("task_events", "type NOT IN (SELECT type FROM event_types)"),
    ):
        text = f"DELETE FROM {table} WHERE {condition}"  # noqa: S608 - names from above
        if number := store.execute(text).rowcount:
            row = report[table]
            row["salvaged"] -= number
            row["lost"] += number
            row["detail"] = "; ".join(
                filter(None, [row["detail"], f"{number} refer to a lost row"])
            )
    store.execute(
        "UPDATE prompts SET parent_id = NULL WHERE parent_id NOT IN (SELECT id FROM prompts)"
    )
    store.execute(
        "UPDATE attempts SET lease_id = NULL WHERE lease_id NOT IN (SELECT id FROM tree_leases)"
    )


def _continue_ids(store: Store, source: sqlite3.Connection) -> None:
    """Never give out an id twice, even if its row is lost."""
    settings = store.settings
    given = [instance.highest_name(path) for path in (settings.run, settings.spool)]
    text = "SELECT max(attempt_id) AS id, max(prompt_id) AS prompt FROM task_events"
    highest = store.execute(text).fetchone()
    instance.raise_to(store, max(*given, highest["id"] or 0))
    instance.raise_to(store, highest["prompt"] or 0, "prompts")
    _continue_sequences(store, source, ("attempts", "prompts", "tree_leases"))


def _continue_sequences(store: Store, source: sqlite3.Connection, tables: Collection[str]) -> None:
    with contextlib.suppress(sqlite3.DatabaseError):
        for name, seq in source.execute("SELECT name, seq FROM sqlite_sequence"):
            if name in tables and isinstance(seq, int):
                instance.raise_to(store, seq, name)

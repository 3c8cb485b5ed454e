"""A new database from the rows of a damaged one, in a state from which passes can go on."""

import contextlib
import sqlite3
from collections.abc import Callable, Collection, Iterator

from assigner import clock, db, identity, reading, rerooting, settling
from assigner.db import Row, Store
from assigner.reading import Table

# Written by migrations and triggers: written again, not read from the damaged file
MADE_ANEW = {"prompt_transitions", "prompt_counts"}
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
    list(settling.settle(store, "its attempt was lost with a damaged page, and may have run"))
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
    if not store.one("instance"):
        store.insert("meta", {"name": "instance", "value": key or db.new_instance()})
    identity.raise_to(store, last, "tasks")
    _continue_sequences(store, source, ("tasks", "goals", "visions"))
    return report


def _known_to_the_queue(store: Store) -> tuple[str | None, int]:
    """The key of the goals of which the queue was last given a task, and the highest task id.

    With another key the queue would not know which of the tasks it has already.
    """
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(db.peek(store.settings, "doctor").connection) as connection,
    ):
        last = connection.execute(
            "SELECT goals, max(prompt_id) AS prompt,"
            " (SELECT max(CAST(task AS INTEGER)) FROM foundation_work WHERE foreign_task = 0) AS id"
            " FROM foundation_work WHERE goals IS NOT NULL AND foreign_task = 0"
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
        lost = {name for (name,) in source.execute(f"SELECT name FROM {rerooting.LOST}")}  # noqa: S608
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
    for key, values in reading.rows(table) if table.columns else ():
        loaded.add(key)
        problem = _insert(store, text, values)
        if problem and not table.key and (again := reading.row(table, key)) not in ((), values):
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


def _insert(store: Store, text: str, values: reading.Values) -> str | None:
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
        "UPDATE attempts SET lease_id = NULL WHERE lease_id NOT IN (SELECT id FROM leases)"
    )


def _continue_ids(store: Store, source: sqlite3.Connection) -> None:
    """Never give out an id twice, even if its row is lost."""
    settings = store.settings
    given = [identity.highest_name(path) for path in (settings.run, settings.spool)]
    text = "SELECT max(attempt_id) AS id, max(prompt_id) AS prompt FROM task_events"
    told = store.execute(text).fetchone()
    identity.raise_to(store, max(*given, told["id"] or 0))
    identity.raise_to(store, told["prompt"] or 0, "prompts")
    _continue_sequences(store, source, ("attempts", "prompts", "leases"))


def _continue_sequences(store: Store, source: sqlite3.Connection, tables: Collection[str]) -> None:
    with contextlib.suppress(sqlite3.DatabaseError):
        for name, seq in source.execute("SELECT name, seq FROM sqlite_sequence"):
            if name in tables and isinstance(seq, int):
                identity.raise_to(store, seq, name)

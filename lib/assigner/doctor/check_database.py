"""doctor: the database, opened read-only, and the rules that its schema cannot express."""

import os
import shlex
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from assigner import clock
from assigner.doctor.case import BAD, OK, WARN, Case, Check, examples, finding
from assigner.maintenance import instance
from assigner.store import database, schema, statements
from assigner.store.database import Row
from assigner.store.schema import MAGIC
from assigner.system import processes

FUTURE = 60.0
NEWEST = 1000  # rows that are looked at where there is no index


def check_file(case: Case) -> Iterator[Row]:
    """Check the file before SQLite opens it, then open it."""
    path = case.settings.database
    case.openable = False
    try:
        status = path.stat()
    except FileNotFoundError:
        detail = f"no database at '{path}': the first tool creates it"
        yield finding("database", BAD, detail, case.command("scan"))
        return
    except NotADirectoryError:
        detail = f"no database at '{path}': part of its path is not a directory"
        yield finding("database", BAD, detail)
        return
    if not stat.S_ISREG(status.st_mode):
        yield finding("database", BAD, f"'{path}' is not a file: move it away")
        return
    try:
        with path.open("rb") as file:
            header = file.read(100)
            if not case.quick and status.st_size < _memory() / 2:
                while file.read(4_000_000):  # in order: three times as quick as by tree, later
                    pass
    except PermissionError:
        yield finding("database", BAD, f"'{path}' cannot be read", f"chmod 600 {_quoted(path)}")
        return
    if not header:
        case.openable = True
        detail = f"'{path}' is empty: the next tool starts a new one"
        yield finding("database", WARN, detail, case.command("status"))
        return
    if len(header) < 100 or not header.startswith(MAGIC):
        detail = f"'{path}' is not a database, or its beginning is damaged"
        yield finding("database", BAD, detail, case.recover)
        return
    if 2 in header[18:20]:
        case.openable = True
        detail = f"'{path}' is in WAL mode: its rows were not checked"
        yield finding("database", BAD, detail, case.repair)
        return
    yield from _truncated(case, header, status.st_size)
    yield from _open(case)


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _truncated(case: Case, header: bytes, size: int) -> Iterator[Row]:
    """https://www.sqlite.org/fileformat2.html#in_header_database_size"""
    page = int.from_bytes(header[16:18], "big")
    page = 65536 if page == 1 else page
    pages = int.from_bytes(header[28:32], "big")
    if header[24:28] == header[92:96] and size < page * pages and not _journal(case).exists():
        detail = f"'{case.settings.database}' ends early: {size:,} of {page * pages:,} bytes"
        yield finding("database", BAD, detail, case.recover)


def _journal(case: Case) -> Path:
    path = case.settings.database.resolve()
    return path.with_name(f"{path.name}-journal")


def _open(case: Case) -> Iterator[Row]:
    path = case.settings.database
    store = database.peek(case.settings, "doctor")
    try:
        names = {row["name"] for row in store.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as error:
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            case.openable = True
            pids = ", ".join(map(str, processes.lockers(path))) or "unknown"
            detail = f"'{path}' was locked for {database.PATIENCE:g} s by process {pids}"
            yield finding("database", BAD, detail, f"ps -lp {pids}" if pids != "unknown" else "")
        elif error.sqlite_errorname in ("SQLITE_READONLY_ROLLBACK", "SQLITE_CANTOPEN"):
            case.openable = _journal(case).exists()
            detail = f"a pass was killed while writing '{path}': the next one rolls that back"
            if not case.openable:
                detail = f"cannot open '{path}': {error}"
            command = case.command("status") if case.openable else ""
            yield finding("database", WARN if case.openable else BAD, detail, command)
        else:
            yield finding("database", BAD, f"'{path}' cannot be read: {error}", case.recover)
        return
    if not {"_sqlite_migrations", "meta", "prompts"} <= names:
        detail = f"'{path}' is a database, but not one of assigner"
        yield finding("database", BAD, detail)
        return
    case.store, case.openable = store, True
    version, latest = database.versions(store)
    if version != latest:
        case.store = None
        yield other_schema("database", version, latest, case.command("status"))
    else:
        size = path.stat().st_size
        yield finding("database", OK, f"schema {version}, {size / 1e6:,.1f} MB, rollback journal")


def other_schema(check: str, version: int, latest: int, command: str) -> Row:
    """What to do with a database of another version; `command` is any tool that writes to it."""
    if statements.is_older(version):
        detail = f"schema {version} is from before assigner 0.1.0: move the file away"
        return finding(check, BAD, detail)
    if version > latest:
        detail = f"schema {version}, this assigner knows {latest}: update assigner"
        return finding(check, BAD, detail)
    detail = f"schema {version} of {latest}: the next tool migrates it"
    return finding(check, WARN, detail, command)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def store_of(case: Case) -> database.Store:
    assert case.store is not None
    return case.store


def violations(case: Case, statement: str) -> list[str]:
    """The text in the first column of each row, each text once."""
    rows = store_of(case).execute(statement)
    return list(dict.fromkeys(str(next(iter(row.values()))) for row in rows))


def check_integrity(case: Case) -> Iterator[Row]:
    if case.quick:
        yield finding("integrity", OK, "skipped: --quick")
        return
    store = store_of(case)
    if found := schema.damage(store.connection):
        fix = case.recover if schema.unreadable(store.connection) else case.repair
        yield finding("integrity", BAD, examples(found), fix)
        return
    for table, condition in (
        ("prompts", "completed_at IS NULL"),
        ("attempts", "outcome IS NULL"),
        ("sessions", "1"),
    ):
        try:  # SQLite accepts text that is not UTF-8; its readers fail
            for _ in store.execute(f"SELECT * FROM {table} WHERE {condition}"):  # noqa: S608
                pass
        except sqlite3.Error as error:
            yield finding("integrity", BAD, f"{table}: {str(error)[:60]}", case.recover)
            return
    broken = [
        f"{row['table']} row {row['rowid']} refers to a missing row of {row['parent']}"
        for row in store.execute("PRAGMA foreign_key_check")
    ]
    if broken:
        yield finding("integrity", BAD, examples(broken), case.recover)
    else:
        yield finding("integrity", OK, "all pages and references are sound")


def check_schema(case: Case) -> Iterator[Row]:
    wanted = schema.wanted_schema()
    if wrong := schema.misshapen(store_of(case), wanted):
        fix = case.recover if any(name.startswith("table ") for name in wrong) else case.repair
        yield finding("schema", BAD, examples(list(wrong.values())), fix)
    else:
        yield finding("schema", OK, f"{len(wanted)} tables, indexes and triggers")


# Rules that only delay prompts when they are broken
MILD = {"held"}
# Rules that read every row
WHOLE = {"counts"}


def check_rules(case: Case) -> Iterator[Row]:
    """The rules of sql/rules."""
    wrong = 0
    for name, statement in statements.rules().items():
        if case.quick and name in WHOLE:
            continue
        if found := violations(case, statement):
            wrong += 1
            verdict = WARN if name in MILD else BAD
            yield finding(name, verdict, examples(found), case.repair)
    if not wrong:
        yield finding("claims", OK, "prompts, attempts, sessions and counts agree")


def check_clock(case: Case) -> Iterator[Row]:
    """Rows from the future: whatever waits for their time waits too long."""
    if pinned := os.environ.get("ASSIGNER_NOW"):
        clock.now()
        detail = f"pinned to {pinned} by ASSIGNER_NOW"
        yield finding("clock", WARN, detail, "unset ASSIGNER_NOW")
        return
    limit = clock.text(case.now() + FUTURE)
    wrong = []
    for table, column, key in (
        ("prompts", "created_at", "id"),
        ("prompts", "updated_at", "id"),
        ("attempts", "updated_at", "id"),
        ("task_events", "created_at", "id"),
        ("sessions", "updated_at", "id"),
        ("heartbeats", "finished_at", "script"),
    ):
        text = (
            f"SELECT count(*) AS n, max({column}) AS at FROM"  # noqa: S608 - names from above
            f" (SELECT {column} FROM {table} ORDER BY {key} DESC LIMIT {NEWEST})"
            f" WHERE {column} > :limit"
        )
        row = store_of(case).execute(text, {"limit": limit}).fetchone()
        if row["n"]:
            wrong.append(f"{row['n']} {table} have {column} {row['at']}")
    waiting = store_of(case).execute(
        "SELECT count(*) AS n FROM prompts INDEXED BY prompts_open"
        " WHERE completed_at IS NULL AND created_at > :limit",
        {"limit": limit},
    )
    if (number := waiting.fetchone()["n"]) and not wrong:
        wrong.append(f"{number} open prompts are from the future")
    if wrong:
        yield finding("clock", WARN, f"{examples(wrong)}: is the clock right?", "timedatectl")
    else:
        yield finding("clock", OK, f"{clock.text(case.now())}, no row is newer")


def check_instance(case: Case) -> Iterator[Row]:
    """A restored database lacks ids that panes and files remember."""
    store = store_of(case)
    traces = instance.traces(store)  # first: a pass may be at work
    top = database.last_attempt(store)
    wrong = [
        f"{place} knows attempt {attempt}" for place, attempt in traces.items() if attempt > top
    ]
    if wrong:
        detail = f"the database knows only attempts up to {top}, but {examples(wrong)}"
        fix = case.command("doctor", "--renew-instance")
        yield finding("instance", BAD, detail, fix)
    else:
        yield finding("instance", OK, f"{store.instance}, attempt {top} was the last")


DATABASE: dict[str, Check] = {"database": check_file}
CONTENTS: dict[str, Check] = {
    "integrity": check_integrity,
    "schema": check_schema,
    "claims": check_rules,
    "clock": check_clock,
    "instance": check_instance,
}

"""doctor: the database of goals, opened read-only, and the profiles."""

import contextlib
import os
import shlex
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from assigner.doctor.case import (
    BAD,
    OK,
    WARN,
    Case,
    Check,
    examples,
    finding,
    of_somebody_else,
    open_to_others,
)
from assigner.doctor.check_database import other_schema
from assigner.errors import SetupError
from assigner.goals import database, profiles
from assigner.store import database as store_database
from assigner.store import databases
from assigner.store.database import Row, Store
from assigner.store.schema import MAGIC, misshapen, unreadable, wanted_schema
from assigner.system.terminal_text import counted


def check_goals(case: Case) -> Iterator[Row]:
    """Check the file, then its rows."""
    path = case.settings.goals
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            with path.open("rb") as file:
                header = file.read(20)
    except (FileNotFoundError, NotADirectoryError):
        if case.settings.given_goals is None:
            yield finding("goals", OK, "no goals yet")
        else:
            detail = f"no goals at '{path}', which ASSIGNER_GOALS names"
            yield finding("goals", BAD, detail, "assigner goals init")
        return
    except PermissionError:
        command = f"chmod 600 {shlex.quote(str(path))}"
        yield finding("goals", BAD, f"'{path}' cannot be read", command)
        return
    if not stat.S_ISREG(status.st_mode):
        yield finding("goals", BAD, f"'{path}' is not a file: move it away")
    elif not header:
        detail = f"'{path}' is empty: 'goals init' starts a new one"
        yield finding("goals", WARN, detail, "assigner goals init")
    elif not header.startswith(MAGIC):
        detail = f"'{path}' is not a database, or its beginning is damaged"
        yield finding("goals", BAD, detail, case.recover)
    elif 2 in header[18:] and databases.goals(case.settings):  # another program may want it
        yield finding(
            "goals", BAD, f"'{path}' is in WAL mode: its rows were not checked", case.repair
        )
    else:
        yield from _open(case, status)


def _open(case: Case, status: os.stat_result) -> Iterator[Row]:
    path = case.settings.goals
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro", uri=True, timeout=database.PATIENCE, isolation_level=None
    )
    with contextlib.closing(connection):
        try:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if "prompts" in tables:
                detail = f"'{path}' is the queue: goals need a database of their own"
                yield finding("goals", BAD, detail)
            elif "_sqlite_migrations" in tables:
                yield from _private(path, status)
                yield from _own(case, Store(connection, case.settings, "doctor", dry=True))
            else:
                yield from _foreign(case, connection)
        except sqlite3.Error as error:
            if error.sqlite_errorname.startswith("SQLITE_READONLY_ROLLBACK"):
                detail = f"a tool was killed while writing '{path}': the next one rolls that back"
                yield finding("goals", WARN, detail, "assigner goals list")
            else:
                damaged = error.sqlite_errorname.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
                detail = str(store_database.failure(path, error)).removesuffix(
                    store_database.DIAGNOSIS
                )
                yield finding("goals", BAD, detail, case.recover if damaged else "")


def _private(path: Path, status: os.stat_result) -> Iterator[Row]:
    if status.st_uid != os.geteuid():
        yield finding("goals", BAD, *of_somebody_else(path, status.st_uid))
    elif status.st_mode & 0o077:
        verdict = BAD if status.st_mode & 0o022 else WARN
        yield open_to_others("goals", verdict, path, status.st_mode, 0o600)


def _own(case: Case, store: Store) -> Iterator[Row]:
    path = case.settings.goals
    version, latest = store_database.versions(store, "goals")
    if version != latest:
        yield other_schema("goals", version, latest, "assigner goals list")
        return
    if not case.quick and (wrong := store_database.check(store)):
        # a damaged index can be rebuilt; a row that refers to a missing one needs a new file
        whole = (
            not unreadable(store.connection)
            and not store.execute("PRAGMA foreign_key_check").fetchone()
        )
        command = case.repair if whole else case.recover
        yield finding("goals", BAD, f"'{path}': {examples(wrong)}", command)
        return
    if differences := misshapen(store, wanted_schema(kind="goals")):
        tables = any(name.startswith("table ") for name in differences)
        detail = f"'{path}': {examples(list(differences.values()))}"
        yield finding("goals", BAD, detail, case.recover if tables else case.repair)
        return
    if forgotten := _forgotten(case, store):
        words = " ".join(forgotten[:20])
        detail = (
            f"in progress, but no prompt in the queue runs it: task {', '.join(forgotten[:20])}"
        )
        yield finding(
            "goals", WARN, detail, f"assigner goals drop {words} && assigner goals retry {words}"
        )
        return
    yield finding("goals", OK, f"{_counted(store)}, schema {version}")


def _forgotten(case: Case, store: Store) -> list[str]:
    """Tasks that no prompt will end: the queue is another one, or was restored from a backup."""
    if case.store is None:
        return []
    running = store.execute("SELECT id FROM tasks WHERE status = 'in_progress' ORDER BY id")
    mine = {
        row["task"]
        for row in case.store.execute(
            "SELECT task FROM profile_work WHERE goals = :goals AND settled_at IS NULL",
            {"goals": store.instance},
        )
    }
    return [str(row["id"]) for row in running if str(row["id"]) not in mine]


def _foreign(case: Case, connection: sqlite3.Connection) -> Iterator[Row]:
    """Another program's database: check only whether its tasks can be read."""
    try:
        database.disguise(case.settings, connection)
    except SetupError as error:
        yield finding("goals", BAD, str(error))
        return
    store = Store(connection, case.settings, "doctor", dry=True)
    said = f"another program's, {_counted(store)}"
    if not os.access(case.settings.goals, os.W_OK):
        yield finding(
            "goals", WARN, f"{said}; its file is not writable, so no status can be stored"
        )
    else:
        yield finding("goals", OK, said)


def _counted(store: Store) -> str:
    row = store.execute(
        "SELECT count(*) AS n, coalesce(sum(status = 'pending'), 0) AS pending FROM tasks"
    ).fetchone()
    return f"{counted(row['n'], 'task')}, {row['pending']} pending"


def check_profiles(case: Case) -> Iterator[Row]:
    try:
        known = profiles.load()
    except SetupError as error:
        yield finding("profiles", BAD, str(error))
        return
    if not known:
        yield finding("profiles", OK, "no profiles: no session is given goal tasks")
        return
    enrolled = {
        row["name"]
        for row in (case.store.rows("sessions/list") if case.store else [])
        if row["enrolled"]
    }
    idle = [profile for profile in known if case.store and profile.session not in enrolled]
    for profile in idle:
        detail = f"profile '{profile.name}': session '{profile.session}' is not enrolled"
        yield finding("profiles", WARN, detail, case.command("enroll", profile.session))
    if not idle:
        yield finding("profiles", OK, f"{len(known)}, with all of their sessions enrolled")


GOALS: dict[str, Check] = {"goals": check_goals, "profiles": check_profiles}

"""The database files of an installation: the queue, and the goals beside it."""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from assigner.config import Settings


@dataclass(frozen=True)
class Database:
    """One of the files.  `kind` is the folder of sql/ that has its migrations."""

    name: str
    path: Path
    kind: str
    tables: frozenset[str]  # a file that has all of these is assigner's


def queue(settings: Settings) -> Database:
    """The database of the queue, whether the file exists or not."""
    tables = frozenset({"_sqlite_migrations", "prompts"})
    return Database("queue", settings.database, "migrations", tables)


def goals(settings: Settings) -> Database | None:
    """The database of goals; None if there is none, or if it belongs to another program.

    A file that cannot be read counts as assigner's: the caller gets the error when it reads it.
    """
    path = settings.goals
    if not path.is_file() or not path.stat().st_size:
        return None
    found = Database("goals", path, "goals", frozenset({"_sqlite_migrations", "tasks"}))
    where = f"{path.as_uri()}?mode=ro&immutable=1"  # does not create the files of WAL mode
    try:
        with contextlib.closing(sqlite3.connect(where, uri=True)) as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error:
        return found
    return found if "_sqlite_migrations" in names and "prompts" not in names else None


def existing(settings: Settings) -> list[Database]:
    """The files that exist, the queue first."""
    found = [queue(settings), goals(settings)]
    return [each for each in found if each is not None and each.path.is_file()]

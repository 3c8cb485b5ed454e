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
    tables: frozenset[str]  # by which a file is known to be one of ours


def queue(settings: Settings) -> Database:
    """The database of the queue, whether the file exists or not."""
    tables = frozenset({"_sqlite_migrations", "prompts"})
    return Database("queue", settings.database, "migrations", tables)


def goals(settings: Settings) -> Database | None:
    """The database of goals; None where there is none, or it belongs to another program.

    A file that cannot be read counts as ours: whoever goes on with it finds out why.
    """
    path = settings.goals
    if not path.is_file() or not path.stat().st_size:
        return None
    found = Database("goals", path, "goals", frozenset({"_sqlite_migrations", "tasks"}))
    where = f"{path.as_uri()}?mode=ro&immutable=1"  # without making the files of WAL mode
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

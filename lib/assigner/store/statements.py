"""The named statements of sql/queries, the rules, and the migrations of each kind of database."""

from functools import cache
from pathlib import Path

from assigner.system import resources

ROOT = resources.data("sql")


@cache
def query(name: str) -> str:
    """The text of sql/queries/NAME.sql."""
    return (ROOT / "queries" / f"{name}.sql").read_text(encoding="utf-8")


def rules() -> dict[str, str]:
    """Rules beyond the constraints, by name: statements that return every broken row.

    Columns: `wrong`, a text for people; `id`, the row to repair; `repair`, one of the kinds in
    doctor/repair_rows.py, or NULL if only a person can decide.
    """
    files = sorted((ROOT / "rules").glob("*.sql"))
    return {path.stem: path.read_text(encoding="utf-8") for path in files}


def migrations(kind: str = "migrations") -> list[tuple[str, Path]]:
    """Names and files of all migrations in sql/KIND, in order."""
    return [(path.stem, path) for path in sorted((ROOT / kind).glob("[0-9]*.sql"))]


# Of a database without any migration; lower ones had the schemas before the first release
VERSION_ZERO = 100


def latest(kind: str = "migrations") -> int:
    """The `user_version` of a database with all migrations of sql/KIND."""
    return VERSION_ZERO + len(migrations(kind))


def is_older(version: int) -> bool:
    """Whether that `user_version` is of a database from before the first release."""
    return 0 < version <= VERSION_ZERO

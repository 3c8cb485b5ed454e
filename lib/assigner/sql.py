"""The named statements of sql/queries and the migrations of sql/migrations."""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_sql"
ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parents[1] / "sql"


@cache
def query(name: str) -> str:
    """The text of sql/queries/NAME.sql."""
    return (ROOT / "queries" / f"{name}.sql").read_text(encoding="utf-8")


def migrations() -> list[tuple[str, Path]]:
    """Names and files of all migrations, in their order."""
    return [(path.stem, path) for path in sorted((ROOT / "migrations").glob("[0-9]*.sql"))]

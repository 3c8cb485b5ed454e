#!/usr/bin/env python3
"""schema.py - write sql/schema.sql and sql/schema-goals.sql: the schemas that the migrations make

For people who read; assigner itself applies the migrations.

exit status: 0 written
"""

from pathlib import Path

from assigner.store import statements
from assigner.store.schema import wanted_schema

FILES = {"migrations": "schema.sql", "goals": "schema-goals.sql"}


def schema(kind: str) -> str:
    """All statements that make a database with the migrations of sql/KIND."""
    head = f"-- Generated from sql/{kind} by `make schema`: do not edit.\n\n"
    return head + "\n\n".join(f"{text};" for text in wanted_schema(kind=kind).values()) + "\n"


if __name__ == "__main__":
    for kind, name in FILES.items():
        Path(statements.ROOT, name).write_text(schema(kind), encoding="utf-8")

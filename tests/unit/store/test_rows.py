"""Rows have the columns that their types say, and the type checker sees a column that they lack."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from assigner.config import Settings
from assigner.store import database, rows, statements
from harness.workplace import ROOT


@pytest.fixture
def store(tmp_path: Path) -> Iterator[database.Store]:
    settings = Settings(tmp_path, tmp_path / "assigner.db", sockets=(), host="here")
    with closing(database.connection_to(settings.database)) as connection:
        yield database.Store(connection, settings, "test")


def typed() -> dict[str, str]:
    """The queries whose rows `rows` and `one` give a type, and its name."""
    found = {}
    for function in ast.walk(ast.parse(Path(database.__file__).read_text())):
        match function:
            case ast.FunctionDef(name="rows" | "one", returns=returns, decorator_list=[_]):
                assert returns is not None
                kind = re.sub(r"list\[(.*)\]| \| None", r"\1", ast.unparse(returns))
                queries = ast.unparse(function.args.posonlyargs[1].annotation or returns)
                found |= dict.fromkeys(re.findall(r"[a-z]+/\w+", queries), kind)
    return found


TYPED = typed()


@pytest.mark.parametrize("query", sorted(TYPED))
def test_a_row_has_the_columns_of_its_type(store: database.Store, query: str) -> None:
    text = statements.query(query)
    values = dict.fromkeys(re.findall(r":(\w+)", text), 1)
    columns = [column[0] for column in store.execute(text, values).description]
    assert sorted(columns) == sorted(get_type_hints(getattr(rows, TYPED[query])))


TABLES = {
    "prompts": rows.Prompt,
    "sessions": rows.Session,
    "attempts": rows.Attempt,
    "checks": rows.Check,
}


@pytest.mark.parametrize("table", TABLES)
def test_a_column_has_the_type_that_the_schema_says(store: database.Store, table: str) -> None:
    types: dict[str, Any] = {"INTEGER": int, "TEXT": str, "REAL": float}
    assert get_type_hints(TABLES[table]) == {
        row["name"]: types[row["type"]]
        if row["notnull"] or row["pk"]
        else types[row["type"]] | rows.Null
        for row in store.execute(f"PRAGMA table_info({table})")
    }


FAULTS = """
from assigner.queue import attempts
from assigner.store.database import Store
from assigner.store.rows import Prompt


def faults(store: Store, waiting: Prompt) -> None:
    print(waiting["contents"])
    for prompt in store.rows("prompts/ready_in_lane"):
        print(prompt["target_sessions"])
    for session in store.rows("sessions/list"):
        print(session["current_dirs"])
    for attempt in store.rows("attempts/live"):
        print(attempt["now_pane"])
        attempt["stages"] = "typed"
        print(attempts.turn_of(attempt)["conversations"])
        attempts.remember(store, attempt, pasted="now")
    if made := store.one("attempts/live_of_prompt"):
        print(made["typed"])
"""


def test_the_type_checker_sees_a_misspelled_column(tmp_path: Path) -> None:
    file = tmp_path / "faults.py"
    file.write_text(FAULTS)
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml",
         "--follow-imports", "silent", "--cache-dir", tmp_path / "cache", file],
        cwd=ROOT, env=os.environ | {"MYPYPATH": ""}, capture_output=True, text=True,
    )  # fmt: skip
    lines = [int(line) for line in re.findall(r"faults\.py:(\d+): error:.*\[", found.stdout)]
    wrong = ('["', "remember(")
    assert (found.returncode, lines) == (
        1,
        [n for n, line in enumerate(FAULTS.split("\n"), 1) if any(w in line for w in wrong)],
    )

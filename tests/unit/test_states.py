"""The status words of states.py equal those of the schema, and manuals document every action."""

import contextlib
import re
import sqlite3

import pytest

from assigner import config, states
from assigner.store import database, statements
from harness.workplace import ROOT

COLUMNS = [
    ("sessions", "status", states.SESSION_STATUSES),
    ("prompts", "status", states.PROMPT_STATUSES),
    ("prompts", "held_by", states.HELD_BY),
    ("prompts", "review", states.REVIEWS),
    ("attempts", "stage", states.STAGES),
    ("attempts", "outcome", states.OUTCOMES),
    ("attempts", "failure_class", states.FAILURE_CLASSES),
    ("attempts", "stop_reason", states.STOP_REASONS),
    ("attempts", "stop_signal", states.SIGNALS),
    ("checks", "state", states.CHECK_STATES),
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The statements that create the tables of a migrated database."""
    home = tmp_path_factory.mktemp("state")
    settings = config.Settings(home, home / "assigner.db", (), "host")
    store = database.connect(settings, "test")
    rows = store.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    store.connection.close()
    return {row["name"]: row["sql"] for row in rows}


def allowed(table: str, column: str) -> set[str]:
    """Every word with which a CHECK compares the column."""
    lists = rf"\b{column}\s+(?:NOT\s+)?(?:IN|IS|=|<>)\s*(\([^)]*\)|'[^']*')"
    return {word for found in re.findall(lists, table) for word in re.findall("'([^']*)'", found)}


@pytest.mark.parametrize(("table", "column", "words"), COLUMNS)
def test_the_schema_allows_the_same_words(
    tables: dict[str, str], table: str, column: str, words: tuple[str, ...]
) -> None:
    assert allowed(tables[table], column) == set(words)
    assert len(words) == len(set(words))


def test_the_schema_has_the_same_types_of_events() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for _, file in statements.migrations():
            connection.executescript(file.read_text())
        types = [type for (type,) in connection.execute("SELECT type FROM event_types")]
    assert sorted(types) == sorted(states.EVENT_TYPES)


def test_every_action_is_documented_by_a_pass() -> None:
    passes = ("tick", "deliver", "observe", "keepalive", "foundation-check")
    manuals = "\n".join((ROOT / "bin" / name).read_text().split('"""')[1] for name in passes)
    for action in states.ACTIONS:
        named = rf"^  (?:[\w-]+, )*{action}\b|`{action}`"
        assert re.search(named, manuals, re.MULTILINE), action


def test_every_outcome_has_an_action() -> None:
    for outcome in (*states.OUTCOMES, "passed", "ending"):
        assert states.action_of(outcome) in states.ACTIONS

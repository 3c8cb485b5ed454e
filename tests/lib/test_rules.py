"""The rules of sql/rules: each file returns what doctor checks and repairs by."""

from collections.abc import Iterator

import pytest

from assigner import db, settling, sql
from assigner.config import Settings


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[db.Store]:
    home = tmp_path_factory.mktemp("rules")
    store = db.connect(Settings(home, home / "assigner.db", sockets=(), host="here"), "test")
    yield store
    store.connection.close()


@pytest.mark.parametrize("rule", sql.rules())
def test_every_rule_returns_what_is_wrong_and_how_to_repair_it(store: db.Store, rule: str) -> None:
    cursor = store.connection.execute(sql.rules()[rule])
    assert [column[0] for column in cursor.description] == ["wrong", "id", "repair"]


@pytest.mark.parametrize("kind", sorted(settling.KINDS))
def test_every_kind_of_repair_is_used_by_a_rule(kind: str) -> None:
    assert any(f"'{kind}'" in text for text in sql.rules().values())

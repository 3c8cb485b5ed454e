"""The rules of sql/rules: each file returns the columns that doctor needs."""

from collections.abc import Iterator

import pytest

from assigner.config import Settings
from assigner.doctor import repair_rows
from assigner.store import database, statements


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[database.Store]:
    home = tmp_path_factory.mktemp("rules")
    store = database.connect(Settings(home, home / "assigner.db", sockets=(), host="here"), "test")
    yield store
    store.connection.close()


@pytest.mark.parametrize("rule", statements.rules())
def test_every_rule_returns_what_is_wrong_and_how_to_repair_it(
    store: database.Store, rule: str
) -> None:
    cursor = store.connection.execute(statements.rules()[rule])
    assert [column[0] for column in cursor.description] == ["wrong", "id", "repair"]


@pytest.mark.parametrize("kind", sorted(repair_rows.KINDS))
def test_every_kind_of_repair_is_used_by_a_rule(kind: str) -> None:
    assert any(f"'{kind}'" in text for text in statements.rules().values())

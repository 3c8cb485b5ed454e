"""Only the modules of `queue` write its tables: any other module calls one of them."""

import ast
import re
from collections.abc import Iterator

import pytest

from harness.workplace import ROOT

TABLES = {"prompts", "attempts", "sessions", "tree_leases", "usage_limits", "task_events"}
EXCEPTIONS = {
    "store.database",  # composes the statements of `insert` and `update`
    "store.rehearsal",  # composes them, too, for a dry run
    "doctor.repair_rows",  # repairs rows that are in no state which an owner expects
    "doctor.salvage_rows",  # fills an empty database with the rows of a damaged one
    "doctor.recover_schema",  # keeps the names of damaged tables in one of its own
}
WRITES = re.compile(
    r"\b(?:(?:INSERT|REPLACE)(?:\s+OR\s+\w+)?\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM)\s+(\w*)"
)
_QUERIES, _LIBRARY = ROOT / "sql/queries", ROOT / "lib/assigner"
QUERIES = {
    str(path.relative_to(_QUERIES).with_suffix("")): path.read_text()
    for path in _QUERIES.glob("*/*.sql")
}
LIBRARY = {
    ".".join(path.relative_to(_LIBRARY).with_suffix("").parts): path.read_text()
    for path in _LIBRARY.rglob("*.py")
}
TOOLS = {path.name: path.read_text() for path in (ROOT / "bin").glob("[!._]*")}
PYTHON_TOOLS = {name: text for name, text in TOOLS.items() if "python" in text.partition("\n")[0]}


def written(statement: str) -> set[str]:
    """The tables of the queue that a statement writes; "" for a table that is filled in."""
    return (TABLES | {""}) & set(WRITES.findall(re.sub("--.*", "", statement)))


def faults(source: str) -> Iterator[str]:
    """The lines where a module writes a table of the queue, or may do so."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=str(text)) if written(text):
                yield f"{node.lineno}: {text}"
            case ast.Call(func=ast.Attribute(value=store, attr=attr), args=[first, *_]):
                name = first.value if isinstance(first, ast.Constant) else None
                if ast.unparse(store).rpartition(".")[2] != "store":
                    continue
                if attr in ("run", "run_many") and (name is None or written(QUERIES.get(name, ""))):
                    yield f"{node.lineno}: {ast.unparse(first)}"
                if attr in ("insert", "update") and (name is None or name in TABLES):
                    yield f"{node.lineno}: {ast.unparse(first)}"


def test_only_the_queue_writes_its_tables() -> None:
    sources = PYTHON_TOOLS | {
        name: source
        for name, source in LIBRARY.items()
        if not name.startswith("queue.") and name not in EXCEPTIONS
    }
    found = {name: list(faults(source)) for name, source in sources.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_no_exception_is_left_over(name: str) -> None:
    assert list(faults(LIBRARY[name]))


@pytest.mark.parametrize(
    "line",
    [
        'store.update("attempts", 1, stage="typed")',
        'self.store.insert("task_events", {})',
        "store.update(table, 1)",
        'store.run("prompts/finish", id=1)',
        "store.run_many(statement, rows)",
        'store.execute("UPDATE prompts SET status = 1")',
        'store.execute("INSERT OR IGNORE INTO tree_leases (id) VALUES (1)")',
        'store.execute(f"DELETE FROM {table}")',
    ],
)
def test_faults_are_found(line: str) -> None:
    assert list(faults(line))


@pytest.mark.parametrize(
    "line",
    [
        'store.insert("checks", {})',
        'store.run("heartbeats/beat", script="scan")',
        'store.rows("live_attempts")',
        'programs.run(word, "update")',
        'store.execute("SELECT * FROM prompts")',
    ],
)
def test_what_is_no_fault_is_not_taken_for_one(line: str) -> None:
    assert not list(faults(line))

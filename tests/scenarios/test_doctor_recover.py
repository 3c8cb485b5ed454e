"""doctor --recover of randomly damaged databases: it keeps all rows on intact pages."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.workplace import ROOT, Workplace

MADE_ANEW = {"meta", "event_types", "prompt_transitions", "prompt_counts"}
# Columns in which a recovery settles what the losses leave open
SETTLED = {
    "prompts": {"status", "error", "completed_at", "retry_at", "held_by", "held_on", "ready_at",
                "cancel_requested_at", "parent_id", "attempts", "assigned_session", "assigned_at",
                "started_at", "updated_at", "updated_by"},
    "attempts": {"outcome", "finished_at", "lease_id", "evidence", "updated_at", "updated_by"},
    "sessions": {"current_task_id", "last_task_id", "updated_at", "updated_by"},
    "checks": {"state", "ended_at", "pending_result", "updated_at", "updated_by"},
    "profile_work": {"settled_at", "retry_at", "reported"},
    "heartbeats": {"finished_at"},
}  # fmt: skip
Rows = dict[str, dict[Any, tuple[Any, ...]]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state directory with rows in every table, and with many in the large ones."""
    with Workplace(tmp_path_factory.mktemp("template")) as work:
        work.tool("status")
        rows = (ROOT / "tests/data/rows.sql").read_text().replace("@SOCKET@", str(work.socket))
        with closing(sqlite3.connect(work.database, isolation_level=None)) as connection:
            kinds = "SELECT name, sql FROM sqlite_master WHERE type = ?"
            triggers = connection.execute(kinds, ("trigger",)).fetchall()
            for name, _ in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("DELETE FROM heartbeats")
            connection.executescript(rows.replace("@LOG@", str(work.path / "log")) + MANY)
            for _, text in triggers:
                connection.execute(text)
            connection.execute("DELETE FROM prompt_counts")
            connection.execute(
                "INSERT INTO prompt_counts SELECT host, status, count(*) FROM prompts GROUP BY 1, 2"
            )
        yield work.state


MANY = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
    INSERT INTO prompts (host, content, status, created_at, ready_at, completed_at, updated_at,
        updated_by, attempts)
    SELECT 'here', 'echo ' || i || CASE i % 40 WHEN 0 THEN hex(zeroblob(4000)) ELSE '' END,
        'completed', '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z',
        '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', 'test', 1 FROM n;
    INSERT INTO attempts (prompt_id, host, session, number, stage, outcome, output, socket,
        server_pid, server_start, pane_id, pane_pid, claimed_at, typed_at, submitted_at,
        finished_at, updated_at, updated_by)
    SELECT id, host, 'lost', 9, 'submitted', 'completed', hex(zeroblob(300)), '/s', 1, 1, '%1', 1,
        created_at, created_at, created_at, created_at, created_at, 'test'
    FROM prompts WHERE content LIKE 'echo 1%';
    INSERT INTO checks (id, state, command, directory, seconds, pid, exit_status, wanted_at,
        started_at, ended_at, updated_at, updated_by)
    SELECT id, 'passed', 'true', '/', 1, 1, 0, claimed_at, claimed_at, claimed_at, claimed_at,
        'test' FROM attempts WHERE number = 9;
    INSERT INTO task_events (prompt_id, type, created_at)
    SELECT id, 'prompt.completed', created_at FROM prompts;
    INSERT INTO profile_work (prompt_id, host, session, kind, title, assigned_at, settled_at)
    SELECT id, host, 'lost', 'given', content, created_at, created_at
    FROM prompts WHERE id > 20 AND id % 3 = 0;
    INSERT INTO sessions (host, name, status, updated_at, updated_by)
    SELECT 'here', 'old' || id, 'offline', updated_at, 'test' FROM prompts WHERE id % 4 = 0;
"""


def varint(page: bytes, at: int) -> tuple[int, int]:
    """https://www.sqlite.org/fileformat2.html#varint"""
    value = 0
    for count in range(9):
        byte = page[at + count]
        if count == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    raise AssertionError


class Pages:
    """Where each row of a database is, as its pages tell it."""

    def __init__(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            (self.size,) = connection.execute("PRAGMA page_size").fetchone()
            try:
                found = connection.execute(
                    "SELECT name, path, pageno, pagetype FROM dbstat ORDER BY path"
                ).fetchall()
            except sqlite3.OperationalError:
                pytest.skip("this SQLite has no dbstat, which tells where a table's pages are")
        data = path.read_bytes()
        self.number = len(data) // self.size
        self.needed: dict[str, dict[int, set[int]]] = {}  # by table and row id
        self.of: dict[str, set[int]] = {}  # by table or index
        for name, place, page, kind in found:
            self.of.setdefault(name, set()).add(page)
            if kind != "leaf" or data[(page - 1) * self.size] != 0x0D:
                continue
            above = {p for n, q, p, k in found if n == name and k == "internal"
                     and place.startswith(q)}  # fmt: skip
            for cell, id in enumerate(self._ids(data, page)):
                over = {p for n, q, p, _ in found if n == name
                        and q.startswith(f"{place}{cell:03x}+")}  # fmt: skip
                self.needed.setdefault(name, {})[id] = {page} | above | over

    def _ids(self, data: bytes, number: int) -> Iterator[int]:
        """https://www.sqlite.org/fileformat2.html#b_tree_pages"""
        page = data[(number - 1) * self.size : number * self.size]
        for cell in range(int.from_bytes(page[3:5], "big")):
            at = int.from_bytes(page[8 + 2 * cell : 10 + 2 * cell], "big")
            _, at = varint(page, at)  # the size of its payload
            yield varint(page, at)[0]


def contents(path: Path) -> Rows:
    """By table and key, what a recovery has to keep of each row."""
    found: Rows = {}
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        tables = connection.execute("PRAGMA main.table_list").fetchall()
        for _, name, kind, _, without_rowid, _ in tables:
            table = name.decode()
            if kind != b"table" or table.startswith(("sqlite_", "_sqlite")) or table in MADE_ANEW:
                continue
            info = connection.execute(f"PRAGMA table_info({table})").fetchall()
            columns = [i[1].decode() for i in info]
            kept = [c for c in columns if c not in SETTLED.get(table, ())]
            key = [i[1].decode() for i in info if i[5]] if without_rowid else ["rowid"]
            rows = connection.execute(f"SELECT {', '.join([*key, *kept])} FROM {table}")
            found[table] = {
                row[0] if key == ["rowid"] else row[: len(key)]: row[len(key) :] for row in rows
            }
    return found


def damage(path: Path, pages: Pages, chance: random.Random) -> set[int]:
    """Overwrite some pages, wholly or in part; their numbers."""
    hit = set(chance.sample(range(1, pages.number + 1), chance.choice([1, 1, 2, 3, 5, 8])))
    with path.open("r+b") as file:
        for number in hit:
            start = chance.choice([0, 0, 0, chance.randrange(pages.size)])
            length = chance.choice([pages.size - start, chance.randint(1, pages.size - start)])
            if chance.random() < 0.2:  # another page, as a disk may write it in the wrong place
                file.seek(chance.randrange(pages.number) * pages.size)
                data = file.read(pages.size)[start : start + length]
            else:
                data = chance.choice([bytes(length), b"\xff" * length, chance.randbytes(length)])
            file.seek((number - 1) * pages.size + start)
            file.write(data)
    return hit


def expected(rows: Rows, pages: Pages, hit: set[int]) -> Rows:
    """The rows to which whole pages lead, and what they refer to is there, too."""
    there: Rows = {}
    for table, mine in rows.items():
        if table in pages.needed:
            needed = pages.needed[table]
            there[table] = {id: row for id, row in mine.items() if not needed[id] & hit}
        else:  # without row ids: small
            there[table] = mine if not pages.of.get(table, set()) & hit else {}
    prompts = there["prompts"]
    of_prompt = {id: row[1] for id, row in there["attempts"].items()}
    there["attempts"] = {
        id: row for id, row in there["attempts"].items() if of_prompt[id] in prompts
    }
    there["checks"] = {id: row for id, row in there["checks"].items() if id in there["attempts"]}
    there["dependencies"] = {
        key: row for key, row in there["dependencies"].items() if set(key) <= prompts.keys()
    }
    return there


def recovered(work: Workplace, template: Path, seed: int) -> None:
    """Damage a copy in a way of its own, recover it, and look for all that has to be there."""
    chance = random.Random(seed)
    shutil.copytree(template, work.state, dirs_exist_ok=True)
    rows, pages = contents(work.database), Pages(work.database)
    hit = damage(work.database, pages, chance)
    new = work.path / f"new-{seed}.db"
    work.tool("doctor", "--recover", new, "--json", status=(0, 1))
    now, about = contents(new), f"seed {seed}: pages {sorted(hit)}"
    for table, wanted in expected(rows, pages, hit).items():
        lost = {key: row for key, row in wanted.items() if now[table].get(key) != row}
        assert not lost, f"{about}: {table}: {lost}"
    found = work.tool("doctor", "--db", new, "--json", status=(0, 1)).json
    bad = [r for r in found if r["verdict"] == "bad" and r["check"] != "instance"]
    assert not bad, f"{about}: {bad}"
    new.unlink()


# A damaged schema; pages of the same table, of another; the row beside a damaged page; and rows
# that a page in the wrong place has passed over
@pytest.mark.parametrize("seed", [0, 468, 145, 208, 409, 471, 1, 2])
def test_rows_on_whole_pages_are_kept(work: Workplace, template: Path, seed: int) -> None:
    recovered(work, template, seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_rows_on_whole_pages_are_kept_in_hundreds_of_ways(
    work: Workplace, template: Path, part: int
) -> None:
    for seed in range(100 + 40 * part, 140 + 40 * part):
        recovered(work, template, seed)

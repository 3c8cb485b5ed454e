"""Statements find their rows by an index, however long the queue: what SQLite plans to do."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from assigner import db, sql
from assigner.config import Settings

STATEMENTS = sorted(path.stem for path in (sql.ROOT / "queries").glob("*.sql"))
# A statement that is called all the time, and each index by which it is to find its rows
HOT = {
    "blockers": ["PRIMARY KEY"],
    "can_move": ["attempts_one_per_session", "prompts_retry", "prompts_held"],
    "dependants": ["dependencies_after"],
    "delete_events_of_prompt": ["task_events_prompt"],
    "due_retries": ["prompts_retry"],
    "due_times": ["prompts_held"],
    "foundation_given": ["foundation_work_given"],
    "foundation_kept": ["foundation_work_open", "foundation_work_retry"],
    "foundation_lines": ["foundation_log_session"],
    "foundation_number": ["foundation_work_task"],
    "foundation_open": ["foundation_work_open"],
    "has_work": ["foundation_work_open", "prompts_ready"],
    "held_group": ["prompts_held"],
    "held_groups": ["prompts_held"],
    "held_summary": ["prompts_held"],
    "hold_all": ["prompts_ready"],
    "hold_of": ["PRIMARY KEY"],
    "hold_provider": ["prompts_ready"],
    "hold_session": ["prompts_ready"],
    "hold_target": ["prompts_ready"],
    "lane": ["prompts_ready"],
    "leases": ["attempts_lease"],
    "old_events": ["task_events_created"],
    "old_outputs": ["attempts_output"],
    "old_prompts": ["prompts_ended", "dependencies_after"],
    "live_attempts": ["attempts_one_per_session"],
    "open_prompts": ["prompts_open"],
    "prompt_by_key": ["prompts_dedup_key"],
    "ready_sessions": ["sessions_ready", "attempts_one_per_session"],
    "recent_failed": ["prompts_status"],
    "release_held": ["prompts_held"],
    "rivals": ["attempts_one_per_session", "attempts_typed"],
    "release_some": ["prompts_held"],
    "shares_secrets": ["prompts_secrets"],
    "used_secrets": ["prompts_secrets"],
    "waiting": ["prompts_ready"],
}
# They read the beginning of what may be very long
IN_ORDER = [
    "due_retries", "due_times", "held_group", "lane", "old_events", "old_outputs", "old_prompts",
    "open_prompts", "recent_failed",
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[db.Store]:
    home = tmp_path_factory.mktemp("plans")
    settings = Settings(home, home / "assigner.db", sockets=(), host="here")
    db.connect(settings, "test").connection.close()
    store = db.connect(settings, "test")  # as every later process finds it
    yield store
    store.connection.close()


def plan(store: db.Store, name: str) -> list[str]:
    text = f"EXPLAIN QUERY PLAN {sql.query(name)}"
    anything = defaultdict(str, limit=1)
    return [row["detail"] for row in store.connection.execute(text, anything)]


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_goes_through_a_whole_table(store: db.Store, name: str) -> None:
    scans = [step for step in plan(store, name) if step.startswith("SCAN")]
    open_ones = ("SCAN prompts USING INDEX prompts_open",  # what is open, no more
                 "SCAN attempts USING INDEX attempts_one_per_prompt")  # fmt: skip
    assert set(scans) <= set(open_ones), scans


@pytest.mark.parametrize(("name", "indexes"), HOT.items())
def test_hot_statement_uses_its_index(store: db.Store, name: str, indexes: list[str]) -> None:
    steps = plan(store, name)
    for index in indexes:
        assert any(f" {index} " in f"{step} " for step in steps), steps


@pytest.mark.parametrize("name", IN_ORDER)
def test_what_has_a_limit_is_not_sorted_first(store: db.Store, name: str) -> None:
    assert not [step for step in plan(store, name) if "TEMP B-TREE" in step]


def test_lists_by_status_are_read_from_their_end(store: db.Store) -> None:
    text = "SELECT * FROM prompts WHERE status = :status ORDER BY id DESC LIMIT 10"
    steps = [row["detail"] for row in store.execute(f"EXPLAIN QUERY PLAN {text}", {"status": ""})]
    assert steps == ["SEARCH prompts USING INDEX prompts_status (status=?)"]


# --- the goals' own database ---------------------------------------------------------------------

GOALS = sorted(path.stem for path in (sql.ROOT / "queries" / "goals").glob("*.sql"))
SMALL = {"visions", "active_goals"}  # what people write by hand


@pytest.fixture(scope="module")
def goals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[db.Store]:
    home = tmp_path_factory.mktemp("goals")
    settings = Settings(home, home / "assigner.db", sockets=(), host="here")
    db.connection_to(settings.goals, "goals").close()
    store = db.Store(db.connection_to(settings.goals, "goals"), settings, "test")
    yield store
    store.connection.close()


@pytest.mark.parametrize("name", [name for name in GOALS if name not in SMALL])
def test_no_statement_goes_through_all_tasks(goals: db.Store, name: str) -> None:
    scans = [step for step in plan(goals, f"goals/{name}") if step.startswith("SCAN")]
    jumps = "SCAN tasks USING INDEX tasks_pending"  # from project to project
    assert set(scans) <= ({jumps} if name == "pending_projects" else set())


def test_the_next_task_is_read_from_its_index(goals: db.Store) -> None:
    steps = plan(goals, "goals/next_tasks")
    assert steps[0] == "SEARCH t USING INDEX tasks_pending (project=?)"
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_projects_are_found_by_jumps(goals: db.Store) -> None:
    """However SQLite plans it: its work grows with the projects, not with their tasks."""
    steps = []
    goals.execute("BEGIN")
    goals.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
        " INSERT INTO tasks (content, project, created_at, updated_at, updated_by)"
        " SELECT 'x', '/' || (i % 3), :now, :now, :by FROM n"
    )
    goals.connection.set_progress_handler(lambda: steps.append(1), 1)
    found = goals.execute(sql.query("goals/pending_projects")).fetchall()
    goals.connection.set_progress_handler(None, 1)
    goals.execute("ROLLBACK")
    assert len(found) == 3
    assert len(steps) < 300

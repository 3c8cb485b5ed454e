"""Statements find their rows by an index, however long the queue: what SQLite plans to do."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from assigner.config import Settings
from assigner.store import database, statements

QUERIES = statements.ROOT / "queries"
NAMES = sorted(str(path.relative_to(QUERIES).with_suffix("")) for path in QUERIES.glob("*/*.sql"))
GOALS = [name for name in NAMES if name.startswith(("goals/", "tasks/", "visions/"))]
STATEMENTS = [name for name in NAMES if name not in GOALS]
# A statement that is called all the time, and each index by which it is to find its rows
HOT = {
    "dependencies/blockers": ["PRIMARY KEY"],
    "prompts/can_move": ["attempts_one_per_session", "prompts_retry", "prompts_held"],
    "dependencies/dependents": ["dependencies_after"],
    "task_events/delete_of_prompt": ["task_events_prompt"],
    "prompts/due_retries": ["prompts_retry"],
    "prompts/due_times": ["prompts_held"],
    "profile_work/count_since": ["profile_work_given"],
    "profile_work/kept_tasks": ["profile_work_open", "profile_work_retry"],
    "work_log_lines/list": ["work_log_lines_session"],
    "profile_work/next_number": ["profile_work_task"],
    "profile_work/open": ["profile_work_open"],
    "profile_work/exists": ["profile_work_open", "prompts_ready"],
    "prompts/held_group": ["prompts_held"],
    "prompts/held_groups": ["prompts_held"],
    "prompts/held_summary": ["prompts_held"],
    "prompts/hold_all": ["prompts_ready"],
    "prompts/hold_of": ["PRIMARY KEY"],
    "prompts/hold_provider": ["prompts_ready"],
    "prompts/hold_session": ["prompts_ready"],
    "prompts/hold_ready": ["prompts_ready"],
    "prompts/held_lanes": ["prompts_held_lanes", "PRIMARY KEY"],
    "prompts/hold_lane": ["prompts_held_lanes"],
    "prompts/ready_lanes": ["prompts_ready"],
    "prompts/ready_in_lane": ["prompts_ready"],
    "tree_leases/list": ["attempts_lease"],
    "task_events/old": ["task_events_created"],
    "attempts/old_outputs": ["attempts_output"],
    "prompts/old": ["prompts_ended", "dependencies_after"],
    "attempts/live": ["attempts_one_per_session"],
    "prompts/open": ["prompts_open"],
    "prompts/by_key": ["prompts_dedup_key"],
    "sessions/ready": ["sessions_ready", "attempts_one_per_session"],
    "prompts/recent_failed": ["prompts_status"],
    "prompts/release_held": ["prompts_held"],
    "attempts/rivals": ["attempts_one_per_session", "attempts_typed"],
    "prompts/release_some": ["prompts_held"],
    "prompts/sharing_secrets": ["prompts_secrets"],
    "prompts/used_secrets": ["prompts_secrets"],
    "prompts/any_ready": ["prompts_ready"],
}
# They read the beginning of what may be very long
IN_ORDER = [
    "prompts/due_retries", "prompts/due_times", "prompts/held_group", "prompts/ready_in_lane",
    "task_events/old", "attempts/old_outputs", "prompts/old", "prompts/open",
    "prompts/recent_failed",
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[database.Store]:
    home = tmp_path_factory.mktemp("plans")
    settings = Settings(home, home / "assigner.db", sockets=(), host="here")
    database.connect(settings, "test").connection.close()
    store = database.connect(settings, "test")  # as every later process finds it
    yield store
    store.connection.close()


def plan(store: database.Store, name: str) -> list[str]:
    text = f"EXPLAIN QUERY PLAN {statements.query(name)}"
    anything = defaultdict(str, limit=1)
    return [row["detail"] for row in store.connection.execute(text, anything)]


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_goes_through_a_whole_table(store: database.Store, name: str) -> None:
    scans = [step for step in plan(store, name) if step.startswith("SCAN")]
    open_ones = ("SCAN prompts USING INDEX prompts_open",  # what is open, no more
                 "SCAN attempts USING INDEX attempts_one_per_prompt",
                 # from lane to lane
                 "SCAN c", "SCAN causes", "SCAN f", "SCAN n", "SCAN named", "SCAN provided",
                 "SCAN 5 CONSTANT ROWS", "SCAN 7 CONSTANT ROWS", "SCAN CONSTANT ROW")  # fmt: skip
    assert set(scans) <= set(open_ones), scans


@pytest.mark.parametrize(("name", "indexes"), HOT.items())
def test_hot_statement_uses_its_index(store: database.Store, name: str, indexes: list[str]) -> None:
    steps = plan(store, name)
    for index in indexes:
        assert any(f" {index}" in step for step in steps), steps


@pytest.mark.parametrize("name", IN_ORDER)
def test_what_has_a_limit_is_not_sorted_first(store: database.Store, name: str) -> None:
    assert not [step for step in plan(store, name) if "TEMP B-TREE" in step]


def test_lists_by_status_are_read_from_their_end(store: database.Store) -> None:
    text = "SELECT * FROM prompts WHERE status = :status ORDER BY id DESC LIMIT 10"
    steps = [row["detail"] for row in store.execute(f"EXPLAIN QUERY PLAN {text}", {"status": ""})]
    assert steps == ["SEARCH prompts USING INDEX prompts_status (status=?)"]


# --- the goals' own database ---------------------------------------------------------------------

SMALL = {"visions/list", "goals/active"}  # what people write by hand


@pytest.fixture(scope="module")
def goals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[database.Store]:
    home = tmp_path_factory.mktemp("goals")
    settings = Settings(home, home / "assigner.db", sockets=(), host="here")
    database.connection_to(settings.goals, "goals").close()
    store = database.Store(database.connection_to(settings.goals, "goals"), settings, "test")
    yield store
    store.connection.close()


@pytest.mark.parametrize("name", [name for name in GOALS if name not in SMALL])
def test_no_statement_goes_through_all_tasks(goals: database.Store, name: str) -> None:
    scans = [step for step in plan(goals, name) if step.startswith("SCAN")]
    jumps = {"SCAN found", "SCAN CONSTANT ROW"}  # from project to project
    assert set(scans) <= (jumps if name == "tasks/pending_projects" else set())


def test_the_next_task_is_read_from_its_index(goals: database.Store) -> None:
    steps = plan(goals, "tasks/next")
    assert steps[0] == "SEARCH t USING INDEX tasks_pending (project=?)"
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_projects_are_found_by_jumps(goals: database.Store) -> None:
    """However SQLite plans it: its work grows with the projects, not with their tasks."""
    steps = []
    goals.execute("BEGIN")
    goals.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
        " INSERT INTO tasks (content, project, created_at, updated_at, updated_by)"
        " SELECT 'x', '/' || (i % 3), :now, :now, :by FROM n"
    )
    goals.connection.set_progress_handler(lambda: steps.append(1), 1)
    found = goals.execute(statements.query("tasks/pending_projects")).fetchall()
    goals.connection.set_progress_handler(None, 1)
    goals.execute("ROLLBACK")
    assert len(found) == 3
    assert len(steps) < 300

"""Scores of contexts, and which session wins."""

import json
from typing import Any

import pytest

from assigner.config import Weights
from assigner.routing import score as routing_score

NOW = 1_771_099_200.0  # 2026-02-14T20:00:00Z
score = routing_score.calculate_context_match_score
best = routing_score.select_best_session_by_context


@pytest.mark.parametrize(
    ("here", "task", "points"),
    [
        ("/srv/app", "/srv/app", 100),
        ("/srv/app/", "/srv/app", 100),
        ("/srv//app/.", "/srv/lib/../app//", 100),
        ("//srv/app", "/srv/app", 100),
        ("/", "/", 100),
        ("/srv", "/srv/app/src", 50),
        ("/srv/", "/srv/app", 50),
        ("/", "/srv", 50),
        ("/srv/app/src", "/srv", 25),
        ("/srv", "/", 25),
        ("/srv/app", "/srv/app2", 0),
        ("/srv/app2", "/srv/app", 0),
        ("/srv/other", "/srv/app", 0),
        ("/srv/App", "/srv/app", 0),
        (None, "/srv", 0),
        ("", "/srv", 0),
        ("/srv", None, 0),
        ("/srv", "", 0),
        (None, None, 0),
    ],
)
def test_directory(here: str | None, task: str | None, points: int) -> None:
    assert score({"current_dir": here}, required_dir=task) == points


@pytest.mark.parametrize(
    ("held", "wanted", "points"),
    [
        ({"A": "1", "B": "2"}, {"A": "1"}, 20),
        ({"A": "1", "B": "2"}, {"A": "1", "B": "2"}, 40),
        ({"A": "1"}, {"A": "1", "B": "2"}, 20),
        ({"A": "2"}, {"A": "1"}, 0),
        ({"a": "1"}, {"A": "1"}, 0),
        ({"A": ""}, {"A": ""}, 20),
        ({}, {"A": ""}, 0),
        (json.dumps({"A": "1", "B": "2"}), {"B": "2"}, 20),
        ("null", {"A": "1"}, 0),
        ("", {"A": "1"}, 0),
        (None, {"A": "1"}, 0),
        ({"A": "1"}, {}, 0),
        ({"A": "1"}, None, 0),
    ],
)
def test_environment(held: Any, wanted: dict[str, str] | None, points: int) -> None:
    assert score({"env_vars": held}, required_env=wanted) == points


@pytest.mark.parametrize("text", ["{", "[]", '"A"', "1"])
def test_environment_that_is_no_object(text: str) -> None:
    with pytest.raises(ValueError):
        score({"env_vars": text}, required_env={"A": "1"})
    assert score({"env_vars": text}) == 0, "not read when the task needs none"


@pytest.mark.parametrize(
    ("here", "tree", "task_dir", "task_tree", "points"),
    [
        # a task without a directory takes the branch alone
        (None, None, None, None, 30),
        ("/a", None, None, None, 30),
        (None, "/a", None, None, 30),
        (None, None, None, "/a", 30),
        # both trees are known
        (None, "/a/", None, "/a", 30),
        (None, "/b", None, "/a", 0),
        ("/a/x", "/a", "/a/y", "/a", 30),
        ("/a/nested", "/a/nested", "/a", "/a", 0),
        # where one is not, the directories tell
        ("/a", None, "/a", None, 30),
        ("/a", None, "/a/x", None, 30),
        ("/a/x", None, "/a", None, 30),
        ("/b", None, "/a", None, 0),
        (None, None, "/a", None, 0),
        ("/b", None, "/a", "/a", 0),
        ("/a", "/b", "/a", None, 30),
    ],
)
def test_branch(
    here: str | None, tree: str | None, task_dir: str | None, task_tree: str | None, points: int
) -> None:
    for branch, expected in (("main", points), ("dev", 0)):
        parts = routing_score.score_parts(
            {"git_branch": branch, "current_dir": here, "repository": tree},
            required_branch="main",
            required_dir=task_dir,
            required_repository=task_tree,
        )
        assert parts["branch"] == expected


@pytest.mark.parametrize("branch", [None, ""])
def test_no_branch_is_no_match(branch: str | None) -> None:
    assert score({"git_branch": branch}, required_branch=branch) == 0


def test_parts_sum_to_the_score() -> None:
    session = {"current_dir": "/a", "git_branch": "main", "env_vars": {"A": "1", "B": "2"}}
    task: routing_score.Required = {
        "required_dir": "/a/x",
        "required_branch": "main",
        "required_env": {"A": "1", "B": "2"},
    }
    parts = routing_score.score_parts(session, **task)
    assert parts == {"directory": 50, "environment": 40, "branch": 30}
    assert score(session, **task) == 120
    assert routing_score.score_parts({}) == {"directory": 0, "environment": 0, "branch": 0}


def test_weights_are_settings() -> None:
    weights = Weights(same_dir=7, variable=3, branch=1, recent=11, provider=13)
    session = {
        "current_dir": "/a",
        "git_branch": "main",
        "env_vars": {"A": "1"},
        "provider": "claude",
        "last_activity": NOW,
    }
    task: routing_score.Required = {
        "required_dir": "/a",
        "required_branch": "main",
        "required_env": {"A": "1"},
    }
    parts = routing_score.score_parts(session, weights=weights, **task)
    assert parts == {"directory": 7, "environment": 3, "branch": 1}
    assert routing_score.bonus(session, now=NOW, preferred_provider="claude", weights=weights) == 24


def test_a_branch_needs_the_place_not_its_points() -> None:
    weights = Weights(same_dir=0)
    session = {"current_dir": "/a", "git_branch": "main"}
    assert score(session, required_dir="/a", required_branch="main", weights=weights) == 30


@pytest.mark.parametrize(
    ("last", "points"),
    [
        ("2026-02-14T20:00:00Z", 5),
        ("2026-02-14T19:55:00Z", 5),
        ("2026-02-14T19:54:59Z", 0),
        ("2026-02-14T19:55:00.5Z", 5),
        ("2026-02-14T20:59:00+01:00", 5),
        ("2026-02-14 19:58:00", 5),
        (NOW - 300, 5),
        (NOW - 301, 0),
        (None, 0),
    ],
)
def test_recent_activity(last: str | float | None, points: int) -> None:
    assert routing_score.bonus({"last_activity": last}, now=NOW) == points


@pytest.mark.parametrize(
    ("provider", "preferred", "points"),
    [("claude", "claude", 2), ("codex", "claude", 0), ("claude", None, 0), (None, None, 0)],
)
def test_preferred_provider(provider: str | None, preferred: str | None, points: int) -> None:
    assert routing_score.bonus({"provider": provider}, preferred_provider=preferred) == points


def test_bonus_adds_up_and_needs_a_clock() -> None:
    session = {"last_activity": NOW, "provider": "claude"}
    assert routing_score.bonus(session, now=NOW, preferred_provider="claude") == 7
    assert routing_score.bonus(session, preferred_provider="claude") == 2


def test_time_that_is_none() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        routing_score.bonus({"last_activity": "yesterday"}, now=NOW)


def test_preference_order() -> None:
    early, late = "2026-02-14T10:00:00Z", "2026-02-14T11:00:00Z"
    wanted: list[tuple[dict[str, Any], int]] = [
        ({"name": "z", "idle_since": late}, 7),
        ({"name": "y", "idle_since": early}, 2),
        ({"name": "a", "idle_since": late}, 2),
        ({"name": "b", "idle_since": late}, 2),
        ({"name": "a"}, 2),
        ({"name": "b", "idle_since": None}, 2),
        ({"name": "a", "idle_since": early}, 0),
        ({}, 0),
    ]
    for turn in range(len(wanted)):
        shuffled = wanted[turn:] + wanted[:turn]
        assert sorted(shuffled, key=lambda pair: routing_score.preference(*pair)) == wanted


HERE = {"current_dir": "/a"}
SET = {"env_vars": {"A": "1"}}
CLAUDE = {"provider": "claude"}
BUSY, LIMITED, IDLE = ({"status": status} for status in ("busy", "limited", "idle"))
AT_18, AT_19 = ({"idle_since": f"2026-02-14T{hour}:00:00Z"} for hour in (18, 19))
TO_A = {"required_dir": "/a"}
WISH = {"preferred_provider": "claude"}

SELECT_CASES: list[tuple[str, dict[str, dict[str, Any]], dict[str, Any], str | None]] = [
    ("nobody", {}, {}, None),
    ("match", {"a": {}, "b": HERE}, TO_A, "b"),
    ("match before bonus", {"a": CLAUDE, "b": HERE}, {**TO_A, **WISH}, "b"),
    (
        "never by the sum",
        {"a": CLAUDE, "b": SET},
        {"required_env": {"A": "1"}, **WISH, "weights": Weights(provider=50)},
        "b",
    ),
    ("bonus before idle time", {"a": AT_18, "b": {**AT_19, **CLAUDE}}, WISH, "b"),
    ("active lately", {"a": AT_18, "b": {**AT_19, "last_activity": NOW}}, {"now": NOW}, "b"),
    ("longest idle, unknown last", {"a": {}, "b": AT_19, "c": AT_18}, {}, "c"),
    ("name", {"b": {}, "a": {}, "c": {}}, {}, "a"),
    ("idle", {"a": HERE | BUSY, "b": HERE | LIMITED, "c": IDLE, "d": {}}, TO_A, "c"),
    ("all busy", {"a": BUSY}, {}, None),
    ("below the least match", {"a": HERE}, {"min_score": 100}, None),
    ("exactly the least match", {"a": HERE}, {**TO_A, "min_score": 100}, "a"),
    ("a bonus adds nothing", {"a": HERE | CLAUDE}, {**TO_A, **WISH, "min_score": 101}, None),
]


@pytest.mark.parametrize(
    ("sessions", "task", "name"),
    [case[1:] for case in SELECT_CASES],
    ids=[case[0] for case in SELECT_CASES],
)
def test_select(
    sessions: dict[str, dict[str, Any]], task: dict[str, Any], name: str | None
) -> None:
    rows = [{"name": key, "current_dir": "/elsewhere", **row} for key, row in sessions.items()]
    for order in (rows, rows[::-1]):
        chosen = best(order, **task)
        assert (chosen and chosen["name"]) == name


def test_select_returns_the_session_itself() -> None:
    only = {"name": "a"}
    assert best(iter([only])) is only

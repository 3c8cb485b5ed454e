"""Retention: old prompts, outputs and events are deleted, unless something still needs them."""

import sqlite3
from contextlib import closing

import pytest

from harness.workplace import Result, Workplace

FAR = "2199-01-01T00:00:00.000Z"
KEEP = "ASSIGNER_KEEP_{}_DAYS"


def cleaned(work: Workplace, *args: str, days: float = 0, **settings: str) -> Result:
    """cleanup-stale, so many days from now, with settings of what is kept."""
    row = work.row(f"SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '+{days} days') AS at")
    environment = {KEEP.format(name.upper()): value for name, value in settings.items()}
    return work.tool("cleanup-stale", *args, env={"ASSIGNER_NOW": row["at"], **environment})


def old(result: Result) -> dict[str, str]:
    return {row["subject"]: row["detail"] for row in result.json if row["kind"] == "old"}


def ids(work: Workplace) -> list[int]:
    return [row["id"] for row in work.rows("SELECT id FROM prompts ORDER BY id")]


@pytest.fixture
def past(work: Workplace) -> Workplace:
    """Prompts of which some have ended, one with a secret, and one still waits for one of them."""
    work.environment["ASSIGNER_BACKOFF_BASE"] = "300"
    work.enrolled("one")
    work.tool("send", "echo out $TOKEN", "--env", "TOKEN", env={"TOKEN": "hush"})
    work.tool("send", "exit 3", "--max-attempts", 1)
    work.tool("send", "true")
    work.tool("send", "exit 3")  # it waits for its retry
    work.tool("send", "after", "--after", 2)
    work.tool("send", "later", "--not-before", FAR)
    work.tick()
    statuses = [row["status"] for row in work.rows("SELECT status FROM prompts ORDER BY id")]
    assert statuses == ["completed", "failed", "completed", "failed", "pending", "pending"]
    return work


def test_a_year_of_work_is_kept(past: Workplace) -> None:
    before = past.rows("SELECT count(*) AS n FROM task_events")
    assert old(cleaned(past, "--apply", "--json", days=364)) == {}
    assert past.rows("SELECT count(*) AS n FROM task_events") == before
    assert past.prompt(1)["response"] == "out hush"


def test_what_is_over_goes_and_what_is_needed_stays(past: Workplace) -> None:
    """Prompt 2 failed, and 5 waits for it: were it forgotten, 5 would run."""
    wanted = cleaned(past, "--json", days=366)
    assert ids(past) == [1, 2, 3, 4, 5, 6]
    done = cleaned(past, "--apply", "--json", days=366)
    assert old(wanted)["prompts"] == old(done)["prompts"] == "2 older than 365 days"
    assert ids(past) == [2, 4, 5, 6]
    assert past.rows("SELECT id FROM attempts WHERE prompt_id IN (1, 3)") == []
    assert past.rows("SELECT id FROM task_events WHERE prompt_id IN (1, 3)") == []
    assert past.prompt(5)["held_by"] == "dependency"
    cleaned(past, "--apply", days=366)
    assert list((past.state / "secrets").iterdir()) == []
    counts = past.rows("SELECT status, prompts FROM prompt_counts ORDER BY status")
    assert {row["status"]: row["prompts"] for row in counts if row["prompts"]} == {
        "failed": 2, "pending": 2
    }  # fmt: skip
    assert past.tool("cleanup-stale", "--verify-only", "--json").json == []
    assert past.tool("send", "x").out == "7\n"


def test_a_failed_prompt_stays_while_one_that_waited_for_it_may_be_retried(work: Workplace) -> None:
    """As with clear: forgotten, it would no longer hold the other back."""
    work.enrolled("one")
    work.tool("send", "exit 3", "--max-attempts", 1)
    work.tool("send", "after", "--after", 1)
    work.tick()
    work.tool("cancel", 2)
    cleaned(work, "--apply", days=366)
    assert ids(work) == [1]
    work.tool("send", "after", "--after", 1)
    assert work.prompt(3)["held_by"] == "dependency"


def test_output_goes_before_its_prompt(past: Workplace) -> None:
    assert past.row("SELECT output FROM attempts WHERE prompt_id = 1") == {"output": "out hush"}
    done = cleaned(past, "--apply", "--json", days=2, output="1")
    assert "4 older than 1 days" in old(done)["outputs"]
    assert past.rows("SELECT id FROM attempts WHERE output IS NOT NULL") == []
    assert (past.prompt(1)["status"], past.prompt(1)["response"]) == ("completed", None)
    assert old(cleaned(past, "--apply", "--json", days=2, output="1")) == {}


def test_finished_attempt_changes_in_nothing_else(past: Workplace) -> None:
    with closing(sqlite3.connect(past.database)) as connection:
        for change in ("output = 'x'", "output = NULL, exit_status = 9", "evidence = '{}'"):
            with pytest.raises(sqlite3.IntegrityError, match="a finished attempt does not change"):
                connection.execute(f"UPDATE attempts SET {change} WHERE prompt_id = 1")


def test_events_go_before_their_prompts(past: Workplace) -> None:
    cleaned(past, "--apply", days=2, events="0.5")
    assert past.rows("SELECT id FROM task_events") == []
    assert ids(past) == [1, 2, 3, 4, 5, 6]
    assert "events" in past.tool("show", 1).out


def test_one_pass_forgets_a_bounded_number(work: Workplace) -> None:
    work.tool("send", "--jsonl", "-", input='{"content": "x"}\n' * 10_001)
    with closing(sqlite3.connect(work.database)) as connection:
        connection.execute("UPDATE prompts SET status = 'cancelled', completed_at = created_at")
        connection.commit()
    wanted = old(cleaned(work, "--json", days=400))
    assert wanted == {"prompts": "10000 older than 365 days", "events": "20002 older than 365 days"}
    done = old(cleaned(work, "--apply", "--json", days=400))
    assert done == {"prompts": "10000 older than 365 days", "events": "2 older than 365 days"}
    assert ids(work) == [10_001]
    cleaned(work, "--apply", days=400)
    assert ids(work) == []


@pytest.mark.parametrize("value", ["0", "-1", "for ever"])
def test_days_are_more_than_none(work: Workplace, value: str) -> None:
    for name in ("PROMPTS", "OUTPUT", "EVENTS", "REPORTS"):
        said = work.tool("queue", env={KEEP.format(name): value}, status=78).err
        assert KEEP.format(name) in said
    assert work.tool("cleanup-stale", env={KEEP.format("PROMPTS"): "99999999999"}).err == ""

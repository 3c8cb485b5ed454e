"""Faults that are not a prompt's own: a broken session, an expired login, a model out of reach, a
lease that others prolong.
"""

from typing import Any

import pytest

from assigner import clock
from harness.workplace import Agent, Workplace

NOW = clock.seconds("2040-01-01T00:00:00Z")  # pinned
ENDED = ("completed", "failed", "cancelled")


def session(work: Workplace, name: str) -> dict[str, Any]:
    return work.row("SELECT * FROM sessions WHERE name = ?", name)


def statuses(work: Workplace) -> list[str]:
    return [row["status"] for row in work.rows("SELECT status FROM prompts ORDER BY id")]


def events(work: Workplace, *types: str) -> list[str]:
    rows = work.rows("SELECT type FROM task_events ORDER BY id")
    return [row["type"] for row in rows if row["type"] in types]


# --- a broken session ----------------------------------------------------------------------------


def test_a_broken_session_does_not_eat_the_queue(work: Workplace) -> None:
    work.environment |= {
        "ASSIGNER_REST_AFTER": "2", "ASSIGNER_REST": "1000",
        "ASSIGNER_BACKOFF_BASE": "0.1", "ASSIGNER_BACKOFF_LIMIT": "0.1",
    }  # fmt: skip
    for name in ("bad", "good"):
        work.enrolled(name).run(f"export WORKS={name}")
    for number in range(6):
        work.tool("send", f"echo {number}; sleep 0.3; [ $WORKS = good ]", "--max-attempts", 2)
    work.run_until(lambda: all(status == "completed" for status in statuses(work)), 60)
    assert session(work, "bad")["resting_until"]
    assert session(work, "good")["resting_until"] is None
    tried = work.rows("SELECT prompt_id FROM attempts WHERE session = 'bad'")
    assert len(tried) == len({row["prompt_id"] for row in tried}) == 2
    assert "2 prompts in a row failed there: exit_status" in work.tool("sessions").out
    assert events(work, "session.resting") == ["session.resting"]
    work.tool("resume", "bad")
    assert session(work, "bad")["failing_from"] is None


def test_a_session_rests_if_prompts_fail_in_several_directories(work: Workplace) -> None:
    work.environment["ASSIGNER_REST_AFTER"] = "2"
    work.enrolled("one")
    for place in ("", "a"):
        (work.home / place).mkdir(exist_ok=True)
        work.tool("send", "false", "--workdir", work.home / place, "--max-attempts", 1)
    work.tool("send", "echo waits", "--target", "one", "--priority", -1)
    work.run_until(lambda: work.prompt(3)["held_by"] == "rest")
    assert "one rests until" in work.tool("queue").out


@pytest.mark.parametrize("others", [False, True])
def test_bad_work_lets_no_session_rest(work: Workplace, others: bool) -> None:
    """Prompts fail in one directory, and where others ran they failed there, too."""
    work.environment["ASSIGNER_REST_AFTER"] = "2"
    names = ["one", "two"] if others else ["one"]
    for name in names:
        work.enrolled(name)
    for _ in range(5):
        work.tool("send", "false", "--workdir", work.home, "--max-attempts", 1)
    work.run_until(lambda: statuses(work) == ["failed"] * 5)
    assert [session(work, name)["resting_until"] for name in names] == [None] * len(names)


# --- an expired login ----------------------------------------------------------------------------


@pytest.fixture
def agents(work: Workplace) -> dict[str, Agent]:
    """Enrolled agents, each in a directory of its own, where its file `words` says what happens."""
    made = {}
    for name in ("sick", "well"):
        directory = work.home / name
        directory.mkdir()
        (directory / "words").write_text("MODEL:say fine\n" * 20)
        made[name] = work.agent(name, tells="hooks", cwd=directory)
        work.tool("enroll", name)
    return made


def says(work: Workplace, name: str, words: str) -> None:
    (work.home / name / "words").write_text(f"{words}\n" * 20)


def test_a_session_that_is_logged_out_is_held_alone(
    work: Workplace, agents: dict[str, Agent]
) -> None:
    says(work, "sick", "MODEL:fail401")
    for _ in range(4):
        work.tool("send", "MODEL:next words", "--provider", "standin", "--max-attempts", 1)
    work.tool("send", "MODEL:next words", "--target", "sick")
    work.run_until(lambda: statuses(work) == ["completed"] * 4 + ["pending"])
    assert len(work.rows("SELECT 1 FROM attempts WHERE session = 'sick'")) == 1
    waiting = work.prompt(5)
    assert (waiting["held_by"], waiting["held_on"]) == ("login", "session sick")
    for tool in ("queue", "sessions", "status"):
        assert "log in, then resume sick" in work.tool(tool).out.replace("\n", " ")
    says(work, "sick", "MODEL:say fine")
    work.tool("resume", "sick")
    work.run_until(lambda: work.prompt(5)["status"] == "completed")
    assert work.prompt(5)["attempts"] == 1
    assert events(work, "login.held", "login.released") == ["login.held", "login.released"]


def test_an_account_is_held_when_two_of_its_sessions_are_logged_out(
    work: Workplace, agents: dict[str, Agent]
) -> None:
    for name in agents:
        says(work, name, "MODEL:fail401")
    for _ in range(3):
        work.tool("send", "MODEL:next words", "--provider", "standin")
    work.run_until(lambda: {r["held_by"] for r in work.rows("SELECT * FROM prompts")} == {"login"})
    assert [row["attempts"] for row in work.rows("SELECT attempts FROM prompts")] == [0, 0, 0]
    holds = {(r["kind"], r["name"]) for r in work.rows("SELECT * FROM login_holds")}
    assert holds == {("session", "sick"), ("session", "well"), ("account", "standin")}
    assert work.tool("resume", "--account", "nobody", status=2).err.startswith("resume: no session")
    assert work.tool("resume", "--account", "standin", "--all", status=2).err
    for name in agents:
        says(work, name, "MODEL:say fine")
    assert work.tool("resume", "--account", "standin", "--json").json[0]["released"] == 3
    work.run_until(lambda: statuses(work) == ["completed"] * 3)


@pytest.mark.parametrize("how", ["a turn", "another agent"])
def test_a_session_that_shows_its_login_is_released(
    work: Workplace, agents: dict[str, Agent], how: str
) -> None:
    says(work, "sick", "MODEL:fail401")
    work.tool("send", "MODEL:next words", "--target", "sick")
    work.run_until(lambda: work.prompt(1)["held_by"] == "login")
    says(work, "sick", "MODEL:say fine")
    agent = agents["sick"]
    if how == "a turn":
        agent.type("MODEL:say logged in")
        agent.enter()
        agent.wait_for("logged in")
    else:
        agent.keys("C-d")
        agent.run(work.agent_line("sick", tells="hooks", cwd=work.home / "sick"))
    work.run_until(lambda: work.prompt(1)["status"] == "completed")


# --- a model out of reach ------------------------------------------------------------------------


def test_an_outage_burns_no_prompt(work: Workplace, agents: dict[str, Agent]) -> None:
    work.environment |= {"ASSIGNER_NOW": clock.text(NOW), "ASSIGNER_BACKOFF_BASE": "0"}
    for name in agents:
        says(work, name, "MODEL:fail500")
    for _ in range(4):
        work.tool("send", "MODEL:next words", "--provider", "standin", "--max-attempts", 1)
    work.run_until(lambda: {r["held_by"] for r in work.rows("SELECT * FROM prompts")} == {"outage"})
    assert [row["attempts"] for row in work.rows("SELECT attempts FROM prompts")] == [0] * 4
    for tool in ("queue", "sessions", "status"):
        assert "could not be reached, rests until" in work.tool(tool).out.replace("\n", " ")
    for number in (3, 4):  # one prompt tries it, another one each time
        outage = work.row("SELECT * FROM outages")
        at = clock.seconds(outage["resting_until"]) + 1
        work.environment["ASSIGNER_NOW"] = clock.text(at)
        work.run_until(
            lambda number=number: (
                len(work.rows("SELECT 1 FROM attempts WHERE outcome = 'failed'")) == number
            )
        )
        tries = work.rows("SELECT prompt_id FROM attempts ORDER BY id")
        assert len(tries) == number
        assert tries[-1]["prompt_id"] != outage["prompt_id"]
    assert work.row("SELECT * FROM outages")["rests"] == 3
    for name in agents:
        says(work, name, "MODEL:say fine")
    at = clock.seconds(work.row("SELECT resting_until FROM outages")["resting_until"]) + 1
    work.environment["ASSIGNER_NOW"] = clock.text(at)
    work.run_until(lambda: statuses(work) == ["completed"] * 4, 40)
    assert events(work, "outage.began", "outage.ended") == ["outage.began", "outage.ended"]


def test_a_prompt_that_causes_the_failure_itself_is_charged(
    work: Workplace, agents: dict[str, Agent]
) -> None:
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0.1"
    work.tool("send", "MODEL:fail500", "--target", "sick", "--max-attempts", 2)
    work.run_until(lambda: work.prompt(1)["status"] == "failed" and not work.prompt(1)["retry_at"])
    assert work.prompt(1)["attempts"] == 2
    work.tool("send", "MODEL:say fine", "--target", "sick")
    work.run_until(lambda: work.prompt(2)["status"] == "completed")
    assert work.rows("SELECT * FROM outages") == []


# --- leases --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [True, False])
def test_nobody_joins_a_tree_past_a_more_urgent_prompt(work: Workplace, bound: bool) -> None:
    repo = work.repo()
    work.environment["ASSIGNER_TREE_WAIT"] = "0" if bound else "1000"
    for name in ("one", "two"):
        work.enrolled(name)
    there = ("--workdir", repo, "--git-branch")
    stop = work.home / "stop"
    work.tool("send", f"until [ -e {stop} ]; do sleep 0.05; done", *there, "main")
    work.run_until(lambda: work.prompt(1)["status"] == "in_progress")
    work.tool("send", "git branch --show-current", *there, "feature", "--priority", 10)
    work.run_until(lambda: work.prompt(2)["held_by"] == "tree in use")
    work.tool("send", "git branch --show-current", *there, "main")
    if bound:
        work.run_until(lambda: work.prompt(3)["held_by"] == "tree in use")
    else:
        work.run_until(lambda: work.prompt(3)["status"] == "completed")
    stop.touch()
    work.run_until(lambda: statuses(work) == ["completed"] * 3)
    order = [r["prompt_id"] for r in work.rows("SELECT prompt_id FROM attempts ORDER BY id")]
    assert order == ([1, 2, 3] if bound else [1, 3, 2])


# --- holds are looked at again -------------------------------------------------------------------


def test_a_hold_ends_when_a_session_of_another_account_is_there(work: Workplace) -> None:
    agent = work.agent("first", tells="hooks")
    other = work.agent("other", tells="hooks")
    work.tool("enroll", "first")
    work.tool("enroll", "other", "--account", "mine")
    work.tool("pause", "other")
    work.tool("send", "MODEL:quota", "--target", "first")
    work.tool("send", "MODEL:say fine", "--provider", "standin")
    work.run_until(lambda: work.prompt(2)["held_by"] == "limit")
    work.tool("resume", "other")
    work.run_until(lambda: work.prompt(2)["status"] == "completed")
    assert work.prompt(1)["held_by"] == "limit"
    assert len(agent.prompts()) == len(other.prompts()) == 1
    work.tool("resume", "--account", "standin")
    work.run_until(lambda: len(agent.prompts()) == 2)

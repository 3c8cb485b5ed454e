"""enroll --respawn: an agent is restarted in the context of its prompt, which is then typed."""

import signal
from pathlib import Path

import pytest

from assigner import clock
from campaigns.crash.killing import CARRY_OUT, DIE, between
from harness.workplace import Agent, Workplace, wait_for


def enrolled(work: Workplace, name: str = "one", *options: object) -> Agent:
    """An agent that may be started again; as a prompt is given to it nothing is left of the old."""
    agent = work.agent(name, tells="hooks")
    line = f"{work._standin()} --log {agent.log} --hooks {work._hooks()}"
    work.tool("enroll", name, "--respawn", "--command", line, *options)
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0.1"
    return agent


def front(agent: Agent) -> Path:
    """What /proc tells of the agent that is there now."""
    return Path("/proc", agent.format("#{pane_pid}"))


def test_it_stands_in_the_context_before_anything_is_typed(work: Workplace) -> None:
    agent, repository = enrolled(work), work.repo()
    given = ("--workdir", repository, "--git-branch", "feature", "--env", "STAGE=test")
    work.tool("send", "hello", *given, "--prereq", "echo $STAGE >prepared", "--provider", "standin")
    work.tick(until=40)
    assert agent.prompts() == ["hello"]
    assert work.prompt(1)["status"] == "completed"
    assert (front(agent) / "cwd").readlink() == repository
    assert b"STAGE=test" in (front(agent) / "environ").read_bytes().split(b"\0")
    assert (repository / ".git" / "HEAD").read_text() == "ref: refs/heads/feature\n"
    assert (repository / "prepared").read_text() == "test\n"


def test_where_a_step_fails_it_is_back_where_it_was(work: Workplace) -> None:
    agent, repository = enrolled(work), work.repo()
    given = ("--workdir", repository, "--prereq", "false", "--provider", "standin")
    work.tool("send", "hello", *given)
    work.tick(until=40)
    assert work.prompt(1)["error"].startswith("context: prereq-1: prerequisite 'false' failed")
    work.tool("send", "again", "--provider", "standin")
    work.tick(until=40)
    assert agent.prompts() == ["again"]
    assert (front(agent) / "cwd").readlink() == work.home


def does_not_stay(work: Workplace) -> None:
    """The agent's next start comes to nothing."""
    program, once = work._standin(), work.path / "once"
    text = program.read_text()
    program.write_text(text.replace("exec", f"[ -e {once} ] || {{ : >{once}; exit 3; }}\nexec", 1))


def test_an_agent_that_does_not_stay_has_got_nothing(work: Workplace) -> None:
    agent, repository = enrolled(work), work.repo()
    does_not_stay(work)
    work.tool("send", "hello", "--workdir", repository, "--provider", "standin")
    work.run_until(lambda: work.prompt(1)["attempts"] == 1 and work.prompt(1)["status"] == "failed")
    assert work.prompt(1)["error"].startswith("lost: start: the agent did not keep running")
    assert work.prompt(1)["retry_at"] is not None
    assert agent.prompts() == []


def test_a_goal_task_that_nobody_has_got_goes_back(work: Workplace) -> None:
    agent, repository = enrolled(work, "foundation"), work.repo()
    does_not_stay(work)
    work.tool("goals", "add-task", "hello", "--workdir", repository)
    row = work.row("SELECT idle_since FROM sessions")
    later = {"ASSIGNER_NOW": clock.text(clock.seconds(row["idle_since"]) + 200)}
    (given,) = work.tool("foundation-check", "--json", env=later).json
    assert given["action"] == "queued"
    work.run_until(lambda: work.prompt(1)["status"] == "failed")
    (row,) = work.tool("foundation-check", "--json").json
    assert row["action"] == "failed" and "retry at" in row["reason"]
    assert work.tool("goals", "show", 1, "--json").json["status"] == "pending"
    assert agent.prompts() == []


def claimed(work: Workplace, *given: object) -> None:
    """A prompt that wants another directory has claimed the session."""
    work.tool("send", "hello", "--workdir", work.repo(), "--provider", "standin", *given)
    wait_for(lambda: work.tool("scan") and work.tool("assign-next", "--json").json)


def in_preparation(work: Workplace) -> None:
    """The context of a prompt that has claimed the session is being prepared, and never ready."""
    claimed(work, "--prereq", f": >{work.path}/there; sleep 600")
    work.tool("deliver", "--settle", 0)
    wait_for((work.path / "there").exists)
    work.tool("observe")


def outcome(work: Workplace) -> tuple[str, str | None]:
    row = work.row("SELECT outcome, failure_class FROM attempts WHERE number = 1")
    return row["outcome"], row["failure_class"]


@pytest.mark.parametrize("by", ["exit", "respawn"])
def test_what_was_about_to_be_started_again_and_is_not_there_is_given_back(
    work: Workplace, by: str
) -> None:
    """The pass is killed before it, and then a person ends the agent."""
    agent = enrolled(work)
    claimed(work)
    assert between(work, "respawned", DIE).wait() == -signal.SIGKILL
    assert work.row("SELECT stage FROM attempts") == {"stage": "preparing"}
    if by == "exit":
        agent.run("/exit")
        agent.wait_for_prompt()
    else:
        work.tmux("respawn-pane", "-k", "-t", agent.id, "--", "bash", "--norc")
    work.run_until(lambda: outcome(work)[0])
    assert outcome(work) == ("released", None)
    work.tool("scan")
    assert work.row("SELECT status FROM sessions") == {"status": "offline"}
    assert work.prompt(1)["status"] == "pending"


def test_a_pass_that_dies_while_it_gives_it_back_holds_nothing(work: Workplace) -> None:
    agent = enrolled(work)
    claimed(work)
    assert between(work, "respawned", DIE).wait() == -signal.SIGKILL
    assert between(work, "respawned", f"{CARRY_OUT}; {DIE}").wait() == -signal.SIGKILL
    assert work.row("SELECT stage, outcome FROM attempts") == {
        "stage": "preparing",
        "outcome": None,
    }
    work.run_until(lambda: work.prompt(1)["status"] == "completed")
    assert outcome(work) == ("released", None)
    assert agent.prompts() == ["hello"]


def test_what_cannot_read_its_file_holds_nothing_and_is_kept_alive(work: Workplace) -> None:
    agent = enrolled(work, "one", "--keepalive")
    claimed(work)
    between(work, "respawned", f"rm {work.state}/run/*/ctx; {CARRY_OUT}", "--settle", 1).wait()
    work.run_until(lambda: outcome(work)[0])
    assert outcome(work) == ("failed", "lost")
    assert "the agent was not restarted: its program has exited" in work.prompt(1)["error"]
    work.run_until(lambda: work.prompt(1)["status"] == "completed", 40)
    assert agent.prompts() == ["hello"]


def test_an_agent_that_a_person_replaced_meanwhile_is_not_waited_for(work: Workplace) -> None:
    agent = enrolled(work)
    in_preparation(work)
    work.tmux("respawn-pane", "-k", "-t", agent.id, "--", "bash", "--norc")
    work.run_until(lambda: outcome(work)[0])
    assert outcome(work) == ("failed", "lost")
    assert "another program runs in its pane" in work.prompt(1)["error"]


@pytest.mark.parametrize("prereq", ["sleep 600", "trap '' INT TERM; while :; do :; done"])
def test_a_context_that_takes_too_long_is_ended(work: Workplace, prereq: str) -> None:
    work.environment["ASSIGNER_KILL_GRACE"] = "0.1"
    agent = enrolled(work, "one", "--keepalive")
    claimed(work, "--prereq", prereq, "--timeout", 1)
    work.run_until(lambda: outcome(work)[0])
    assert outcome(work) == ("failed", "timeout")
    assert "preparing the context took longer than 1 s" in work.prompt(1)["error"]
    work.tool("send", "again", "--target", "one")
    work.run_until(lambda: agent.prompts() == ["again"], 40)
    assert (front(agent) / "cwd").readlink() == work.home


def test_a_context_that_is_cancelled_leaves_the_agent_where_it_was(work: Workplace) -> None:
    agent = enrolled(work)
    in_preparation(work)
    work.tool("cancel", 1)
    assert outcome(work) == ("cancelled", None)
    work.tool("send", "again", "--target", "one")
    work.run_until(lambda: agent.prompts() == ["again"], 40)
    assert (front(agent) / "cwd").readlink() == work.home

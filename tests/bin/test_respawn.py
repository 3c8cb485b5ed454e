"""enroll --respawn: an agent is started again in the context of its prompt, which is then typed."""

from pathlib import Path

from assigner import clock
from support import Agent, Workplace


def enrolled(work: Workplace, name: str = "one") -> Agent:
    """An agent that may be started again; as a prompt is given to it nothing is left of the old."""
    agent = work.agent(name, tells="hooks")
    line = f"{work._standin()} --log {agent.log} --hooks {work._hooks()}"
    work.tool("enroll", name, "--respawn", "--command", line)
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
    assert work.prompt(1)["error"].startswith("vanished: start: its agent did not stay")
    assert work.prompt(1)["retry_at"] is not None
    assert agent.prompts() == []


def test_a_goal_task_that_nobody_has_got_goes_back(work: Workplace) -> None:
    agent, repository = enrolled(work, "foundation"), work.repo()
    does_not_stay(work)
    work.tool("goals", "add-task", "hello", "--workdir", repository)
    row = work.row("SELECT idle_since FROM sessions")
    later = {"ASSIGNER_NOW": clock.text(clock.seconds(row["idle_since"]) + 200)}
    (given,) = work.tool("foundation-check", "--json", env=later).json
    assert given["outcome"] == "assigned"
    work.run_until(lambda: work.prompt(1)["status"] == "failed")
    (row,) = work.tool("foundation-check", "--json").json
    assert row["outcome"] == "failed" and "tried again at" in row["reason"]
    assert work.tool("goals", "show", 1, "--json").json["status"] == "pending"
    assert agent.prompts() == []

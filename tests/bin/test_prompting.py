"""Prompts for agents: pasted once, seen in the composer, submitted once; else nothing is typed."""

import json
from pathlib import Path
from typing import Any

from support import Agent, Workplace, wait_for

TEXTS = [
    "one line",
    "two lines\n    indented\n\n# a heading\n\tx = 1 \\\n  --more\n",
    "#{pane_id} #(touch x) #[fg=red] #{?1,a,b}",
    "'\"\\$HOME `id` $(id) ; } { ~ %if 1",
    "漢字カタカナ 🙂 äöü é end",
    "tab\there\n\tand\t\tthere",
    "x" * 20_000,
    "\n".join(f"line {number} äöü ✓" for number in range(900)),
    "/clear",
    "!touch x",
    "# remember this",
]


def send(work: Workplace, *args: object, **options: Any) -> int:
    return int(work.tool("send", *args, "--json", **options).json["id"])


def enrolled(work: Workplace, name: str, *options: object, **how: Any) -> Agent:
    agent = work.agent(name, *options, **{"tells": "hooks", **how})
    work.tool("enroll", name)
    return agent


def attempt(work: Workplace) -> dict[str, Any]:
    return work.row("SELECT * FROM attempts ORDER BY id DESC LIMIT 1")


def session(work: Workplace, name: str) -> dict[str, Any]:
    return work.row("SELECT * FROM sessions WHERE name = ?", name)


def scanned(work: Workplace, name: str, status: str) -> str:
    """Why a session has that status, once it has."""

    def reached() -> Any:
        work.tool("scan")
        row = session(work, name)
        return row if row["status"] == status else None

    return str(wait_for(reached, what=lambda: session(work, name))["status_reason"])


def typed(text: str) -> str:
    """What is typed for a prompt that would be a command."""
    return f" {text}" if text[0] in "/!#" else text


def test_what_is_sent_is_submitted_once_and_exactly(work: Workplace, tmp_path: Path) -> None:
    agents = [enrolled(work, "plain"), enrolled(work, "collapsing", "--collapse", 50)]
    jobs = [{"content": text, "target_session": agent.name} for text in TEXTS for agent in agents]
    jobs.append({"content": "/help", "target_session": "plain", "raw": True})
    jobs.append({"content": "x" * 50_000, "target_session": "plain"})
    work.environment["ASSIGNER_START_WAIT"] = "0.2"
    work.tool("send", "--jsonl", "-", input="\n".join(map(json.dumps, jobs)))
    work.tick(until=50)
    for agent in agents:
        assert agent.prompts() == [typed(text) for text in TEXTS]
    assert [event["text"] for event in agents[0].events("command")] == ["/help"]
    *done, raw, large = work.rows("SELECT status, attempts, error FROM prompts ORDER BY id")
    assert done == [{"status": "completed", "attempts": 1, "error": None}] * (len(jobs) - 2)
    assert raw["status"] == "completed"
    assert large["status"] == "failed"
    assert large["error"].startswith("rejected: typing: it has 50000 bytes, and standin takes 40")
    assert not list(tmp_path.rglob("x"))


def test_a_session_that_is_not_at_its_empty_composer_is_left_alone(work: Workplace) -> None:
    drafting = enrolled(work, "drafting")
    drafting.type("half a thought")
    asking = work.agent("asking", "--start-dialog", tells="hooks")
    work.tool("enroll", "asking", status=(0, 1))
    busy = enrolled(work, "busy")
    busy.run("MODEL:slow=600")
    scrolled = enrolled(work, "scrolled")
    work.tmux("copy-mode", "-t", scrolled.id)
    agents = (drafting, asking, busy, scrolled)
    for agent in agents:
        send(work, "hello", "--target", agent.name)
    before = [agent.screen() for agent in agents if agent != busy]
    work.tool("tick")
    statuses = [session(work, agent.name)["status"] for agent in agents]
    assert statuses == ["occupied", "waiting", "busy", "occupied"]
    assert [agent.screen() for agent in agents if agent != busy] == before
    assert not [agent.prompts() for agent in agents if agent != busy if agent.prompts()]
    drafting.keys("C-u")
    asking.enter()
    busy.keys("Escape")
    work.tmux("send-keys", "-t", scrolled.id, "-X", "cancel")
    work.tick(until=30)
    assert [agent.prompts()[-1:] for agent in agents] == [["hello"]] * 4
    assert not asking.events("swallowed")
    assert busy.prompts() == ["MODEL:slow=600", "hello"]


def test_what_stands_elsewhere_than_it_was_seen_is_refused(work: Workplace) -> None:
    """A person types between the look and the paste, and goes on while the text stands there."""
    agent = enrolled(work, "one")
    agent.wait_until("idle")
    send(work, "hello")
    type_first = f"/usr/bin/tmux -S {work.socket} send-keys -t {agent.id} -l mine"
    work.tool("scan")
    work.tool("assign-next")
    between(work, f"{type_first}; sleep 0.3; {CARRY_OUT}")
    assert not agent.events("paste")
    assert attempt(work)["outcome"] in (None, "released")
    agent.keys("C-u")
    losing(agent, work)


def losing(agent: Agent, work: Workplace) -> None:
    """Nothing presses Enter while a person has added to the text."""
    wait_for(lambda: work.tool("tick") and agent.prompts() == ["hello"], 30)

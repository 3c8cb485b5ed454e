"""An agent that only the user's own provider file describes: rules alone recognize its states.

This also tests the stand-in agent itself: other tests count what it logs.
"""

import json
from pathlib import Path

import pytest

from harness.workplace import Agent, Workplace, wait_for


def paste(agent: Agent, text: str) -> None:
    agent.paste(text)
    seen = ("paste", "swallowed")
    wait_for(lambda: [e for e in agent.events(*seen) if e["text"] == text], what=agent.screen)


def ask(agent: Agent, text: str) -> None:
    paste(agent, text)
    agent.enter()
    wait_for(lambda: agent.prompts()[-1:] == [text], what=agent.screen)


def outcomes(agent: Agent) -> list[str]:
    return [event["outcome"] for event in agent.events("turn")]


def test_its_states_are_told(work: Workplace) -> None:
    agent = work.agent("one")
    assert agent.wait_until("idle")["rule"] == "ready"
    paste(agent, "half a thought")
    assert agent.wait_until("occupied")["rule"] == "draft"
    agent.keys("C-u")
    ask(agent, "MODEL:slow=600")
    assert agent.wait_until("busy")["rule"] == "works"
    agent.wait_for("second 1")
    agent.keys("Escape")
    agent.wait_until("idle")
    ask(agent, "MODEL:tool rm -r build")
    assert agent.wait_until("waiting")["question"] == "Do you want to proceed?"
    agent.enter()
    agent.wait_for("done: rm -r build")
    agent.wait_until("idle")
    ask(agent, "MODEL:quota")
    assert agent.wait_until("limited")["reset"] == "6:09pm"
    ask(agent, "MODEL:fail500")
    agent.wait_until("idle")
    assert outcomes(agent) == ["interrupted", "completed", "limited", "failed"]
    paste(agent, "/exit")
    agent.enter()
    assert agent.wait_until("offline")["status_reason"] == "the agent exited to bash"


def test_a_dialog_at_its_start_swallows_what_is_typed(work: Workplace) -> None:
    agent = work.agent("one", "--start-dialog", direct=True)
    assert "Do you trust the files in" in agent.wait_until("waiting")["question"]
    paste(agent, "not for a dialog")
    agent.enter()
    agent.wait_until("idle")
    assert agent.prompts() == []
    assert agent.events("swallowed")


@pytest.mark.parametrize("text", ["x" * 20_000, "\n".join(f"line {n} äöü ✓" for n in range(900))])
def test_what_is_pasted_is_submitted_as_it_was(work: Workplace, text: str) -> None:
    plain = work.agent("plain")
    ask(plain, text)
    collapsing = work.agent("collapsing", "--collapse", 1000)
    paste(collapsing, text)
    collapsing.wait_for(f"[Pasted text #1 +{text.count(chr(10))} lines]")
    assert collapsing.look()["status"] == "occupied"
    collapsing.enter()
    for agent in (plain, collapsing):
        wait_for(lambda agent=agent: agent.prompts() == [text], what=agent.screen)
        agent.wait_until("idle")


def test_enter_that_comes_too_soon_or_is_lost_leaves_the_prompt(work: Workplace) -> None:
    slow = work.agent("slow", "--enter-delay", 600_000)
    losing = work.agent("losing", "--lose-enter", 1)
    for agent in (slow, losing):
        paste(agent, "hello")
        agent.enter()
        wait_for(lambda agent=agent: agent.events("key"), what=agent.screen)
        assert agent.wait_until("occupied")
        agent.enter()
    wait_for(losing.prompts, what=losing.screen)
    assert slow.prompts() == []


def test_what_is_typed_while_busy_waits(work: Workplace) -> None:
    agent = work.agent("one")
    ask(agent, "MODEL:think=600")
    ask(agent, "next")
    assert agent.wait_until("busy")
    agent.keys("Escape")  # nothing was answered yet: the prompt is given back
    wait_for(lambda: outcomes(agent) == ["interrupted", "completed"], what=agent.screen)
    agent.wait_for("▷ MODEL:think=600")
    assert agent.look()["status"] == "occupied"


def test_a_command_is_no_prompt(work: Workplace) -> None:
    agent = work.agent("one")
    for text in ("/help me", "!touch x"):
        paste(agent, text)
        agent.enter()
        wait_for(lambda text=text: agent.events("command")[-1:] and text in agent.screen())
    ask(agent, " /help me")
    assert agent.prompts() == [" /help me"]
    assert [event["text"] for event in agent.events("command")] == ["/help me", "!touch x"]


@pytest.mark.parametrize(
    ("option", "text"), [("--crash-on-paste", "x"), ("--slow=0", "MODEL:exit")]
)
def test_its_end_leaves_the_shell(work: Workplace, option: str, text: str) -> None:
    agent = work.agent("one", option)
    agent.paste(text)
    if option != "--crash-on-paste":
        agent.enter()
    assert agent.wait_until("offline")["status_reason"] == "the agent exited to bash"


def test_it_reports_as_claude_does(work: Workplace, tmp_path: Path) -> None:
    told, transcript = tmp_path / "told", tmp_path / "talk" / "one.jsonl"
    events = ("SessionStart", "UserPromptSubmit", "PermissionRequest", "Stop", "StopFailure")
    command = f'cat >>{told}; echo " $TMUX_PANE" >>{told}'
    hook = [{"matcher": "", "hooks": [{"type": "command", "command": command}]}]
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"hooks": dict.fromkeys(events, hook)}))
    options = ("--hooks", settings, "--transcript", transcript, "--session-id", "s1")
    agent = work.agent("one", *options)
    for text in ("hello", "MODEL:fail401"):
        ask(agent, text)
    wait_for(lambda: len(outcomes(agent)) == 2, what=agent.screen)
    paste(agent, "/exit")
    agent.enter()
    agent.wait_until("offline")
    lines = [line.rpartition(" ") for line in told.read_text().splitlines()]
    assert {pane for _, _, pane in lines} == {agent.id}
    calls = [json.loads(payload) for payload, _, _ in lines]
    names = ["SessionStart", "UserPromptSubmit", "Stop", "UserPromptSubmit", "StopFailure"]
    assert [call["hook_event_name"] for call in calls] == names
    assert calls[1]["prompt"] == "hello"
    assert calls[2]["last_assistant_message"].startswith("heard 5 characters")
    assert calls[4]["error"] == "authentication_failed"
    talk = [json.loads(line) for line in transcript.read_text().splitlines()]
    assert [line["type"] for line in talk] == ["user", "assistant", "system", "user", "assistant"]
    assert {line["sessionId"] for line in talk} == {"s1"}
    assert talk[0]["message"]["content"] == "hello"

"""What came of one-shot agents, from what the real programs printed; how they are called."""

import json
from pathlib import Path
from typing import Any

import pytest

from assigner.agents import oneshot, registry
from assigner.agents.oneshot import Once, Outcome

DATA = Path(__file__).parents[2] / "data" / "once"
RUNS: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in DATA.glob("*.json")}


def once(agent: str) -> Once:
    found = registry.agents()[agent].once
    assert found
    return found


def judged(agent: str, name: str, **other: Any) -> Outcome:
    run = {**RUNS[agent][name], **other}
    lines = run["out"].split("\n")
    return oneshot.judge(once(agent), run["status"], lines, run["err"], resumed=name == "gone")


@pytest.mark.parametrize(
    ("agent", "name", "message"),
    [
        ("claude", "good", "MOCK-OK sha=d02f289e chars=14 lines=4"),
        ("claude", "tool", 'MOCK-TOOL-DONE output="hi-from-tool"'),
        ("codex", "good", "MOCK-OK sha=6e71b3ca chars=11 lines=1"),
        ("codex", "tool", "MOCK-TOOL-DONE output="),
        ("opencode", "good", "MOCK-OK sha=6e71b3ca chars=11 lines=1"),
    ],
)
def test_the_last_message_and_the_conversation_are_found(
    agent: str, name: str, message: str
) -> None:
    outcome = judged(agent, name)
    assert (outcome.state, outcome.error) == ("completed", None)
    assert (outcome.message or "").startswith(message)
    assert outcome.conversation and outcome.conversation in RUNS[agent][name]["out"]


@pytest.mark.parametrize(
    ("agent", "name", "failure", "error"),
    [
        ("claude", "fail500", "api", "API Error: 500 mock internal error"),
        ("claude", "fail401", "auth", "API Error: 401 mock invalid api key"),
        ("claude", "maxturns", "api", "Reached maximum number of turns (1)"),
        ("claude", "empty", "exit_status", "1: Error: No messages returned from query"),
        ("codex", "fail500", "api", "currently experiencing high demand"),
        ("codex", "fail400", "api", "mock bad request"),
        ("codex", "fail401", "auth", "401 Unauthorized: mock invalid api key"),
        ("codex", "drop", "api", "stream disconnected before completion"),
        ("opencode", "fail400", "api", "APIError 400 mock bad request"),
        ("opencode", "fail401", "auth", "APIError 401 mock invalid api key"),
        # a tool that it may not use: status 0, in the middle of its turn
        ("opencode", "tool", "api", "the agent exited without ending its turn"),
    ],
)
def test_a_failure_has_its_class_and_error(agent: str, name: str, failure: str, error: str) -> None:
    outcome = judged(agent, name)
    assert (outcome.state, outcome.failure) == ("failed", failure)
    assert error in (outcome.error or "")
    assert not outcome.gone


@pytest.mark.parametrize("agent", ["claude", "codex", "opencode"])
def test_a_failure_is_not_hidden_by_status_0(agent: str) -> None:
    assert judged(agent, "fail401", status=0).failure == "auth"
    assert judged(agent, "good", out="", status=0).state == "failed"


@pytest.mark.parametrize(
    ("agent", "name", "reset"),
    [
        ("claude", "quota", None),
        ("claude", "ratelimit", None),
        ("codex", "quota", "4:51 PM"),
        ("codex", "ratelimit", None),
        ("opencode", "ratelimit", None),
    ],
)
def test_a_limit_has_its_reset(agent: str, name: str, reset: str | None) -> None:
    outcome = judged(agent, name)
    assert (outcome.state, outcome.failure, outcome.reset) == ("limited", None, reset)


@pytest.mark.parametrize(
    "said",
    ["You've hit your session limit", "You're out of extra usage", "You’re out of usage credits"],
)
def test_a_subscribers_limit_has_its_reset(said: str) -> None:
    result = {
        "type": "result",
        "is_error": True,
        "result": f"{said} · resets 3:40pm (Europe/Berlin)",
    }
    outcome = judged("claude", "quota", out=json.dumps(result))
    assert (outcome.state, outcome.reset) == ("limited", "3:40pm (Europe/Berlin)")


@pytest.mark.parametrize("agent", ["claude", "codex", "opencode"])
def test_a_conversation_that_is_gone_is_told(agent: str) -> None:
    assert judged(agent, "gone").gone
    assert not judged(agent, "gone", err="it does not start").gone


def test_an_empty_answer_is_a_failure() -> None:
    out = RUNS["claude"]["good"]["out"].replace("MOCK-OK sha=d02f289e chars=14 lines=4", " ")
    assert judged("claude", "good", out=out).error == "the answer is empty"


@pytest.mark.parametrize("value", ["x; rm -rf ~", "--yes", "", 7, None])
def test_what_is_no_conversation_never_gets_into_a_command_line(value: object) -> None:
    result = {"type": "result", "subtype": "success", "is_error": False, "result": "x"}
    out = json.dumps({**result, "session_id": value})
    assert judged("claude", "good", out=out).conversation is None


@pytest.mark.parametrize(
    ("printed", "status", "state", "error"),
    [
        ("An answer\n\nTokens: 905 sent, 6 received.\n", 0, "completed", None),
        (
            "litellm.InternalServerError: down\nRetrying...\nAn answer\n\nTokens: 9 sent\n",
            0, "completed", None,
        ),
        ("litellm.AuthenticationError: wrong key", 0, "failed", "litellm.AuthenticationError:"),
        ("half\nlitellm.APIConnectionError: closed\nTry later", 0, "failed", "litellm.APIConn"),
        ("litellm.RateLimitError: slow down", 0, "limited", "litellm.RateLimitError"),
        (" \n", 0, "failed", "the answer is empty"),
        ("", 1, "failed", "1: Error: no such model"),
    ],
)  # fmt: skip
def test_text_is_judged_by_its_errors(
    printed: str, status: int, state: str, error: str | None
) -> None:
    lines, shown = printed.split("\n"), "Error: no such model"
    outcome = oneshot.judge(once("aider"), status, lines, shown, resumed=False)
    assert outcome.state == state
    assert (outcome.error or "").startswith(error or "") and bool(outcome.error) == bool(error)


@pytest.mark.parametrize(
    ("command", "agent"),
    [
        ("claude -p", "claude"),
        ("A=1 /opt/bin/claude --model opus --print", "claude"),
        ("claude -p --append-system-prompt 'a; b'", "claude"),
        ("codex exec -s read-only", "codex"),
        ("opencode run --model a/b", "opencode"),
        ("ollama run llama3", "ollama"),
        ("aider --yes-always", "aider"),
        ("claude", None),
        ("claude -p | tee log", None),
        ("claude -p >log", None),
        ("claude -p # all", None),
        ("cd /x; codex exec", None),
        ("claude -p 'open", None),
        ("claude -p \\", None),
        ("tr a-z A-Z", None),
        ("cat ollama", None),
    ],
)
def test_a_one_shot_mode_is_known_by_its_command_line(command: str, agent: str | None) -> None:
    found = registry.once(command)
    assert (found[0] if found else None) == agent


@pytest.mark.parametrize(
    ("command", "line", "resumed"),
    [
        ("claude -p ", "claude -p --output-format json", " --resume ID"),
        ("claude -p --output-format json", "claude -p --output-format json", " --resume ID"),
        ("codex exec -s x", "codex exec -s x --json", " resume ID -"),
        ("opencode run", "opencode run --format json", " --session ID"),
        ("claude -p --continue", "claude -p --continue --output-format json", None),
        ("codex exec --ephemeral", "codex exec --ephemeral --json", None),
        ("ollama run m", "ollama run m --nowordwrap", None),
    ],
)
def test_the_command_line_is_completed(command: str, line: str, resumed: str | None) -> None:
    found = registry.once(command)
    assert found
    assert oneshot.line(found[1], command, None) == line
    assert oneshot.resumes(found[1], command) == (resumed is not None)
    if resumed:
        assert oneshot.line(found[1], command, "ID") == line + resumed


def test_a_prompt_is_no_command_of_the_agent() -> None:
    assert oneshot.text(once("claude"), "/help me") == " /help me"
    assert oneshot.text(once("claude"), "-p is an option") == "-p is an option"
    assert oneshot.text(once("codex"), "/help me") == "/help me"

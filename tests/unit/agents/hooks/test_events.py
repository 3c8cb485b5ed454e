"""What agents' own reports mean: on what the real programs reported, and on what none should."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assigner.agents import registry
from assigner.agents.hooks import events
from assigner.agents.hooks.events import Heard
from harness.workplace import ROOT

RECORDED = ROOT / "tests" / "data" / "hooks"


def hear(agent: str, event: str, payload: object) -> Heard | None:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return events.parse(registry.agents()[agent], event, data)


def recorded(name: str) -> Iterator[tuple[str, Heard]]:
    """The news of a recording, each with what was done just then."""
    for line in (RECORDED / f"{name}.jsonl").read_text().splitlines():
        entry = json.loads(line)
        news = hear(name.partition("-")[0], entry["event"], entry["payload"])
        if news:
            yield entry.get("mark", ""), news


def story(name: str) -> list[str]:
    """The kinds of a recording's news, a line for everything that was done."""
    told: dict[str, list[str]] = {}
    for mark, news in recorded(name):
        word = f"{news.kind}:{news.failure}" if news.failure else news.kind
        told.setdefault(mark, []).append(word)
    return [f"{mark}: {' '.join(words)}" for mark, words in told.items()]


def test_claude_reports_its_turns_and_why_they_fail() -> None:
    assert story("claude") == [
        "start: start",
        "good turn: prompt done",
        "fail500: prompt failed:api",
        "ratelimit: prompt failed:limited",
        "quota: prompt failed:limited",
        "permission (wait 9 s, then allow): prompt ask ask answered done",
        "permission denied by Escape: prompt ask",
        "question (AskUserQuestion), Enter after 8 s: prompt ask ask answered done",
        "interrupted by Escape while streaming: prompt",
        "dropped: prompt done",
        "good turn 2, then idle 75 s: prompt done idle",
        "/clear: end start",
        "/exit: end",
        "a background task: done",
        "its end: prompt",
        "a sub-agent asks: ask",
    ]


def test_codex_reports_no_failure_and_its_title_thread_is_no_news() -> None:
    turns = [
        "good turn: start prompt done done",
        "fail500: prompt",
        "ratelimit: prompt",
        "quota: prompt",
        "tool without permission: prompt answered done done",
        "permission (wait 6 s, then allow): prompt ask answered done done",
        "permission denied by Escape: prompt ask",
        "interrupted by Escape while streaming: prompt",
        "good turn 2 in the same pane: prompt done done",
    ]
    assert story("codex-nodaemon") == [*turns, "/quit: end"]
    assert story("codex-daemon") == [
        *turns, "second pane %5: start prompt done done", "/quit: end end",
    ]  # fmt: skip
    for name in ("codex-nodaemon", "codex-daemon"):
        done = [news for mark, news in recorded(name) if mark == "good turn" and news.turn]
        assert len({(news.conversation, news.turn) for news in done}) == 1
        assert {news.text for news in done[1:]} == {"MOCK-OK sha=9594a3b3 chars=14 lines=1"}


def test_opencode_reports_every_end_of_a_turn() -> None:
    ended = [
        (news.failure or news.kind, news.text)
        for _, news in recorded("opencode")
        if news.kind in ("done", "failed")
    ]
    assert ended[:6] == [
        ("interrupted", "interrupted"),
        ("done", "MOCK-OK sha=a2e0ad7e chars=13 lines=1"),
        ("api", "mock internal error"),
        ("limited", "mock usage limit reached"),
        ("interrupted", "interrupted"),
        ("interrupted", "Aborted"),
    ]
    assert [kind for kind, _ in ended[6:]] == ["done"] * 4
    kinds = [news.kind for _, news in recorded("opencode")]
    assert kinds[0] == "start"
    assert kinds[-5:] == ["prompt", "prompt", "done", "done", "end"]


def test_all_that_is_known_of_a_turn_is_told() -> None:
    heard = {(mark, news.kind): news for mark, news in recorded("claude")}
    assert heard["good turn", "done"] == Heard(
        "done",
        conversation="5ba1e980-fcb8-46de-b381-bfde9d42bb93",
        turn="b2a435f1-efda-4652-afcb-f09c92ade2ef",
        directory="/home/tester/work",
        transcript="/home/tester/.claude/projects/-home-tester-work/"
        "5ba1e980-fcb8-46de-b381-bfde9d42bb93.jsonl",
        text="MOCK-OK sha=8d2ad53c chars=17 lines=4",
    )
    assert heard["good turn", "prompt"].text == "good turn here"
    assert heard["a background task", "done"].background
    assert heard["its end", "prompt"].background
    assert not heard["good turn", "prompt"].background
    assert heard["a sub-agent asks", "ask"].turn
    asked = next(n.text for m, n in recorded("claude") if m.startswith("question") and n.text
                 and n.kind == "ask")  # fmt: skip
    assert asked == "Which colour?"


@pytest.mark.parametrize(
    ("error", "text", "failure", "reset"),
    [
        ("authentication_failed", "Please run /login", "auth", None),
        ("oauth_org_not_allowed", "", "auth", None),
        ("billing_error", "Credit balance is too low", "auth", None),
        ("rate_limit", "You've hit your session limit · resets 3:40pm (Europe/Berlin)", "limited",
         "3:40pm (Europe/Berlin)"),
        ("rate_limit", "API Error: Request rejected (429)", "limited", None),
        ("overloaded", "API Error: 529 Overloaded", "api", None),
        ("invalid_request", "Prompt is too long", "context", None),
        ("invalid_request", "API Error: 400 mock bad request", "api", None),
        ("model_not_found", "", "api", None),
        ("max_output_tokens", "exceeded the 32000 output token maximum", "api", None),
        ("something_new", "You've reached your weekly limit, resets Oct 3, 10am", "limited",
         "Oct 3, 10am"),
    ],
)  # fmt: skip
def test_an_error_of_claude_has_a_class(
    error: str, text: str, failure: str, reset: str | None
) -> None:
    payload = {"session_id": "a", "error": error, "last_assistant_message": text}
    heard = hear("claude", "StopFailure", payload)
    assert heard and (heard.kind, heard.failure, heard.reset) == ("failed", failure, reset)


def test_what_a_sub_agent_does_is_not_the_sessions_own_turn() -> None:
    payload = {"session_id": "a", "prompt_id": "b", "last_assistant_message": "c"}
    assert hear("claude", "Stop", payload)
    assert hear("claude", "Stop", payload | {"agent_id": "x"}) is None
    assert hear("claude", "SubagentStop", payload | {"agent_id": "x"}) is None
    assert hear("codex", "SubagentStop", payload) is None


def test_a_retry_is_a_failure_only_where_a_limit_makes_it_wait_for_long() -> None:
    retry = {"session": "s", "turn": "t", "outcome": "retry", "attempt": 1}
    limit = {"text": "Usage limit reached.", "wait": 9000, "reset": "2026-11-21T18:00:00.000Z"}
    assert hear("opencode", "session-status", retry | limit | {"wait": 2}) is None
    assert hear("opencode", "session-status", retry | limit | {"text": "overloaded"}) is None
    heard = hear("opencode", "session-status", retry | limit)
    assert heard and (heard.failure, heard.reset) == ("limited", "2026-11-21T18:00:00.000Z")


def test_of_a_report_that_was_cut_off_the_beginning_counts() -> None:
    whole = {"session_id": "a", "turn_id": "t", "cwd": "/w", "prompt": "x" * (1 << 21)}
    cut = json.dumps(whole).encode()[: 1 << 20]
    assert hear("codex", "UserPromptSubmit", cut) == Heard(
        "prompt", conversation="a", turn="t", directory="/w"
    )


def test_a_text_has_nothing_that_no_database_takes() -> None:
    payload = rb'{"session_id": "a", "turn_id": "a b", "cwd": "w", "prompt": "x\ud800\u0000y"}'
    heard = hear("codex", "UserPromptSubmit", payload)
    assert heard == Heard("prompt", conversation="a", text="x?y")


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"null", b"[]", b"7", b'"text"', b"{", b"{}", b"\xff\xfe", b"[" * 100_000,
        b'{"a":' * 100_000, b'{"session_id": 1' + b"0" * 5000 + b"}", b"\0" * 100,
    ],
)  # fmt: skip
@pytest.mark.parametrize("agent", ["claude", "codex", "opencode"])
def test_garbage_is_no_news(agent: str, payload: bytes) -> None:
    for event in registry.agents()[agent].hooks.events:  # type: ignore[union-attr]
        heard = hear(agent, event, payload)
        assert heard is None or heard.conversation is None


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
KEYS = st.sampled_from([
    "session_id", "prompt_id", "cwd", "prompt", "error", "tool_input", "background_tasks",
    "last_assistant_message", "input-messages", "notification_type", "outcome", "wait", "text",
])  # fmt: skip


@given(payload=st.dictionaries(KEYS, JSON), cut=st.integers(0, 200))
def test_whatever_is_in_a_report_is_text_that_can_be_kept(
    payload: dict[str, object], cut: int
) -> None:
    data = json.dumps(payload).encode()
    for agent, provider in registry.agents().items():
        for event in provider.hooks.events if provider.hooks else ():
            for piece in (data, data[:cut]):
                if heard := hear(agent, event, piece):
                    for value in (heard.conversation, heard.turn, heard.directory, heard.text):
                        assert value is None or ("\0" not in value and value.encode())


def test_no_hooks_no_news() -> None:
    assert hear("aider", "Stop", {"session_id": "a"}) is None
    assert hear("claude", "Unheard", {"session_id": "a"}) is None

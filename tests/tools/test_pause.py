"""pause, resume: running prompts continue, none is claimed, and the tools show why."""

import os
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from assigner.config import Settings
from assigner.queue import attempts
from assigner.store import database
from harness.workplace import Workplace, wait_for

FAR = "2199-01-01T00:00:00.000Z"


def send(work: Workplace, text: str = "true", *options: object) -> int:
    return int(work.tool("send", text, *options).out)


def held(work: Workplace, prompt: int) -> str | None:
    row = work.prompt(prompt)
    return f"{row['held_by']}: {row['held_on']}" if row["held_by"] else None


def waits(work: Workplace) -> dict[int, str]:
    """What the queue says that each prompt waits for."""
    return {row["id"]: row["waits_for"] for row in work.tool("queue", "--json").json}


def paused(work: Workplace) -> list[tuple[str, str | None]]:
    return [(row["kind"], row["name"]) for row in work.tool("pause", "--list", "--json").json]


def by_hand(work: Workplace, statement: str) -> None:
    with closing(sqlite3.connect(work.database)) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_paused_session_is_passed_by_until_it_is_resumed(work: Workplace) -> None:
    work.enrolled("one")
    work.enrolled("two")
    before = send(work, "true", "--target", "one")
    (row,) = work.tool("pause", "one", "--json").json
    assert (row["kind"], row["name"], row["held"]) == ("session", "one", 1)
    after = send(work, "true", "--target", "one")
    anywhere = [send(work) for _ in range(3)]
    assert work.tick().err == ""
    ran = work.rows("SELECT prompt_id, session FROM attempts ORDER BY id")
    assert ran == [{"prompt_id": prompt, "session": "two"} for prompt in anywhere]
    assert waits(work) == dict.fromkeys((before, after), "pause: session one")
    assert f"prompt {after}: pending (held: pause: session one)" in work.tool("show", after).out
    (row,) = work.tool("resume", "one", "--json").json
    assert row == {"kind": "session", "name": "one", "released": 2}
    work.tick()
    assert work.prompt(after)["assigned_session"] == "one"
    types = [row["type"] for row in work.rows("SELECT type FROM task_events WHERE session = 'one'")]
    assert types.count("session.paused") == types.count("session.resumed") == 1


def test_what_runs_goes_on_to_its_end(work: Workplace) -> None:
    work.enrolled("one")
    go = work.path / "go"
    running = send(work, f"touch {go}.began; until [ -e {go} ]; do sleep 0.05; done")
    work.tool("tick")
    wait_for((work.path / "go.began").exists, what="the prompt")
    waiting = send(work)
    (row,) = work.tool("pause", "--all", "--json").json
    assert (row["running"], row["given_back"], row["held"]) == ([running], [], 1)
    go.touch()
    assert work.tick().err == ""
    assert [work.prompt(n)["status"] for n in (running, waiting)] == ["completed", "pending"]
    assert waits(work) == {waiting: "pause: everything"}


@pytest.mark.parametrize("what", [["one"], ["--provider", "shell"], ["--all"]])
def test_what_was_claimed_and_not_typed_is_given_back(work: Workplace, what: list[str]) -> None:
    pane = work.enrolled("one")
    before = pane.screen()
    prompt = send(work)
    assert work.tool("assign-next", "--json").json
    (row,) = work.tool("pause", *what, "--json").json
    assert (row["running"], row["given_back"]) == ([], [prompt])
    row = work.prompt(prompt)
    assert (row["status"], row["attempts"], row["assigned_session"]) == ("pending", 0, None)
    assert work.tool("deliver", "--json").json == []
    assert work.tool("assign-next", "--explain", "--json").json == []
    assert work.tick().err == ""
    assert pane.screen() == before
    work.tool("resume", *what)
    work.tick()
    assert work.prompt(prompt)["status"] == "completed"


@pytest.mark.parametrize(
    ("stop", "go"),
    [
        ("UPDATE sessions SET paused = 1", "UPDATE sessions SET paused = 0"),
        (
            "INSERT INTO pauses SELECT host, 'shell', updated_at, 'me' FROM sessions",
            "DELETE FROM pauses",
        ),
    ],
    ids=["session", "provider"],
)
def test_deliver_types_nothing_where_a_claim_was_paused_meanwhile(
    work: Workplace, stop: str, go: str
) -> None:
    pane = work.enrolled("one")
    before = pane.screen()
    prompt = send(work)
    work.tool("assign-next")
    by_hand(work, stop)
    (row,) = work.tool("deliver", "--json").json
    assert (row["action"], row["reason"]) == ("released", "the session is paused")
    assert pane.screen() == before
    by_hand(work, go)
    work.tick()
    assert work.prompt(prompt)["status"] == "completed"


@pytest.mark.parametrize("what", [["one"], ["--provider", "shell"], ["--all"]])
def test_a_pass_that_looked_before_the_pause_cannot_claim(work: Workplace, what: list[str]) -> None:
    work.enrolled("one")
    send(work)
    settings = Settings(work.state, work.database, sockets=(), host=os.uname().nodename)
    store = database.connect(settings, "test")
    (session,) = store.rows("sessions/ready")
    prompt: dict[str, Any] = store.one("prompts/get", id=1) or {}
    work.tool("pause", *what)
    facts: dict[str, Any] = {"score": 0, "context_switch": False, "tree": None, "branch": None}
    by_hand(work, "UPDATE prompts SET held_by = NULL, held_on = NULL")
    with store.transaction():
        assert attempts.claim(store, prompt, session, **facts, evidence={}) is None
    store.connection.close()


def test_each_pause_is_its_own_and_what_is_left_still_holds(work: Workplace) -> None:
    work.enrolled("one")
    in_one = send(work, "true", "--target", "one")
    by_provider = send(work, "true", "--provider", "shell")
    other = send(work, "true", "--provider", "command")
    both = (in_one, by_provider, other)
    for pause in (["one"], ["--provider", "shell"], ["--all"]):
        work.tool("pause", *pause)
    assert [held(work, n) for n in both] == ["pause: one", "pause: shell", "pause: everything"]
    assert paused(work) == [("everything", None), ("provider", "shell"), ("session", "one")]
    in_shell = send(work, "true", "--provider", "shell")
    assert held(work, in_shell) == "pause: everything"
    said = work.tool("resume", "one").err
    assert said == "resume: still paused: everything, provider shell\n"
    assert held(work, in_one) == "pause: everything"
    work.tool("resume", "--all")
    assert [held(work, n) for n in (*both, in_shell)] == [
        "pause: shell", "pause: shell", None, "pause: shell",
    ]  # fmt: skip
    assert waits(work)[in_one] == "pause: provider shell"
    assert work.tool("resume", "--provider", "shell").err == ""
    assert [held(work, n) for n in both] == [None] * 3


def test_a_pause_is_the_last_reason_to_wait(work: Workplace) -> None:
    work.shell("keeps")
    pane = work.enrolled("one")
    first = send(work)
    work.tool("pause", "--all")
    later = send(work, "true", "--not-before", FAR)
    missing = send(work, "true", "--target", "nowhere")
    after = send(work, "true", "--after", first)
    aimed = send(work, "true", "--target", "one")
    reasons = [held(work, n) for n in (first, later, missing, after, aimed)]
    assert reasons == [
        "pause: everything", f"time: {FAR}", "target missing: nowhere",
        f"dependency: prompt {first}", "pause: everything",
    ]  # fmt: skip
    work.enrolled("nowhere")
    assert held(work, missing) == "pause: everything"
    pane.kill()
    work.tool("scan")
    work.tool("resume", "--all")
    assert [held(work, n) for n in (missing, aimed)] == [None, "target missing: one"]
    work.tool("pause", "--all")
    work.tool("cleanup-stale", "--retarget", "--apply")
    assert work.prompt(aimed)["target_session"] is None
    assert held(work, aimed) == "pause: everything"


def test_until_idle_ends_when_all_that_is_left_is_paused(work: Workplace) -> None:
    work.enrolled("one")
    work.shell("two")
    work.tool("enroll", "two", "--command", "cat")
    for pause in (["one"], ["--provider", "shell"]):
        work.tool("pause", *pause)
        prompt = send(work)
        assert work.tick(until=50).err == ""
        assert waits(work)[prompt] == "pause: all matching sessions"
        work.tool("resume", *pause)
    work.tick()
    assert waits(work) == {}


def test_until_idle_ends_when_nobody_serves_what_is_left(work: Workplace) -> None:
    work.shell("one")
    unserved = {
        send(work): "provider missing: no session runs shell",
        send(work, "true", "--provider", "claude"): "provider missing: no session runs claude",
    }
    assert work.tick(until=50).err == ""
    assert waits(work) == unserved
    work.tool("enroll", "one")
    other = send(work, "true", "--provider", "claude", "--target", "one")
    assert work.tick(until=50).err == ""
    assert waits(work) == {
        2: "provider missing: no session runs claude",
        other: "provider missing: one runs shell, not claude",
    }


def test_it_is_told_what_is_paused_since_when_and_by_whom(work: Workplace) -> None:
    work.enrolled("one")
    assert work.tool("pause", "--list", "--json").json == []
    work.tool("pause", "one", "--provider", "shell", status=2)
    (first,) = work.tool("pause", "one", "--json").json
    assert first["paused_at"] and first["paused_by"].endswith(" (pause)")
    (again,) = work.tool("pause", "one", "one", "--json").json
    assert again == first
    work.tool("pause", "--all")
    at, by = first["paused_at"], first["paused_by"]
    table = work.tool("pause", "--list").out.splitlines()[2:]
    assert table[1].split() == ["session", "one", at, *by.split()]
    assert work.tool("sessions", "one", "--json").json[0]["paused"] is True
    assert "everything is paused; at its empty prompt" in work.tool("sessions").out
    state = work.tool("status", "--json").json
    assert [row["paused"] for row in state["sessions"]] == [True]
    assert [row["kind"] for row in state["pauses"]] == ["everything", "session"]
    assert "session one" in work.tool("status").out
    for _ in range(2):
        work.tool("resume", "one")
        assert paused(work) == [("everything", None)]
    assert work.tool("sessions", "one", "--json").json[0]["paused_at"] is None


def test_what_is_paused_stays_so_until_it_is_resumed(work: Workplace) -> None:
    """A session that comes back under its name, also after its row was long out of use."""
    work.shell("keeps")
    pane = work.enrolled("one")
    work.tool("pause", "one")
    work.tool("enroll", "one", "--remove")
    pane.kill()
    work.tool("scan")
    by_hand(work, "UPDATE sessions SET updated_at = '2026-01-01T00:00:00.000Z'")
    work.tool("cleanup-stale", "--apply", env={"ASSIGNER_NOW": "2027-01-01T00:00:00Z"})
    work.enrolled("one")
    prompt = send(work, "true", "--target", "one")
    assert work.tick().err == ""
    assert held(work, prompt) == "pause: one"


def test_another_provider_in_a_session_is_not_paused_with_the_first(work: Workplace) -> None:
    work.enrolled("one")
    prompt = send(work, "hello", "--target", "one")
    work.tool("pause", "--provider", "shell")
    assert held(work, prompt) == "pause: shell"
    work.tool("enroll", "one", "--command", "cat")
    work.tick()
    assert work.prompt(prompt)["response"] == "hello"


def test_cleanup_frees_what_a_killed_resume_has_left(work: Workplace) -> None:
    prompt = send(work)
    work.tool("pause", "--all")
    assert work.tool("cleanup-stale", "--json").json == []
    by_hand(work, "DELETE FROM pauses")
    (found,) = work.tool("cleanup-stale", "--apply", "--json").json
    assert (found["kind"], found["subject"], found["action"]) == ("hold", "everything", "release")
    assert held(work, prompt) is None


def test_all_of_a_long_queue_is_held_and_released(work: Workplace) -> None:
    lines = '{"content": "true"}\n' * 20_001
    work.tool("send", "--jsonl", "-", input=lines)
    assert work.tool("pause", "--all", "--json").json[0]["held"] == 20_001
    assert work.tool("resume", "--all", "--json").json[0]["released"] == 20_001
    assert work.rows("SELECT id FROM prompts WHERE held_by IS NOT NULL") == []


def test_a_pause_that_is_ended_meanwhile_holds_nothing(work: Workplace) -> None:
    prompt = send(work)
    by_hand(work, "CREATE TRIGGER t AFTER INSERT ON pauses BEGIN DELETE FROM pauses; END")
    work.tool("pause", "--all")
    assert held(work, prompt) is None


BAD = {
    "nothing": ([], "give sessions, or --provider P, or --all"),
    "two kinds": (["one", "--all"], "give sessions, or --provider P, or --all"),
    "unknown session": (["one", "odd"], "no session 'odd' (known sessions: one)\n"),
    "unknown provider": (
        ["--provider", "abacus"],
        "unknown provider 'abacus' (known: aider, ",
    ),
    "unnamed provider": (["--provider", ""], "unknown provider '' (known: aider, "),
    "unnamed session": ([""], "no session ''"),
    "control character": (["\x1b[31m"], r"no session '\x1b[31m'"),
}


def test_what_cannot_be_meant_pauses_nothing(work: Workplace) -> None:
    work.enrolled("one")
    for tool in ("pause", "resume"):
        for args, message in BAD.values():
            result = work.tool(tool, *args, status=2)
            assert (result.out, result.err.count("\n")) == ("", 1)
            assert message in result.err, result
    said = work.tool("pause", "--list", "one", status=2)
    assert said.err == "pause: --list takes no other option and no session\n"
    work.tool("pause", "one", "--dry-run")
    assert paused(work) == []
